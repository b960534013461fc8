// Submits the page's only form, so that nobody has to press its button.
document.forms[0].submit();
