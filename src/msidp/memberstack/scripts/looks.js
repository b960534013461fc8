// How the dialogs look.

// Lengths are in em, and nothing is inherited: what the page does to its root and its text is not for here.
const STYLE = `
  :host { all: initial; color-scheme: light dark; ${colours("light")} --ink: #171b26; --soft: #5a6172; --card: #fff; --edge: #c5cad6; --bad: #b3261e; --good: #1b6e3c; }
  @media (prefers-color-scheme: dark) {
    :host { ${colours("dark")} --ink: #eef0f5; --soft: #a9b0c0; --card: #171a21; --edge: #4a5263; --bad: #ffb4ab; --good: #8fd6a4; }
  }
  dialog {
    box-sizing: border-box; width: min(26em, calc(100vw - 2em)); max-height: calc(100dvh - 2em); overflow: auto;
    border: 1px solid var(--edge); border-radius: 12px; padding: 1.75em; background: var(--card); color: var(--ink);
    font: 16px/1.5 system-ui, sans-serif; text-align: start;
  }
  dialog::backdrop { background: rgb(0 0 0 / .55); }
  h2 { font-size: 1.3em; line-height: 1.3; margin: 0; margin-block-end: .75em; margin-inline-end: 1.6em; }
  h3 { font-size: 1em; margin: 1.5em 0 .5em; }
  p { margin: 0 0 .75em; }
  label { display: block; margin: 0 0 .9em; font-weight: 600; }
  input {
    box-sizing: border-box; display: block; width: 100%; margin-top: .25em; padding: .6em .7em; font: inherit; font-weight: 400;
    border: 1px solid var(--edge); border-radius: 8px; background: transparent; color: inherit;
  }
  input[hidden] { display: none; }
  button { font: inherit; cursor: pointer; border-radius: 8px; padding: .6em .9em; }
  button[type=submit] { width: 100%; border: 1px solid var(--edge); background: var(--fill); color: var(--on-fill); font-weight: 600; }
  button.quiet { display: block; border: 0; padding: .35em 0; background: none; color: var(--accent); text-align: start; }
  button.close { position: absolute; inset-block-start: .65em; inset-inline-end: .65em; width: 40px; height: 40px; padding: 0; border: 0; background: none; color: var(--soft); font-size: 1.4em; line-height: 1; }
  button[aria-disabled=true] { opacity: .6; cursor: progress; }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  [role=alert], [role=status] { margin: 0 0 .9em; font-weight: 600; }
  [role=alert]:empty, [role=status]:empty { margin: 0; }
  [role=alert] { color: var(--bad); }
  [role=status] { color: var(--good); }
  .danger { color: var(--bad) !important; }
  nav { margin-top: 1em; }
  ul { list-style: none; margin: 0; padding: 0; }
  li { display: flex; justify-content: space-between; align-items: center; gap: 1em; }
`;

function colours(scheme) {
  const { fill, onFill, accent } = site.colours[scheme];
  return `--fill: ${fill}; --on-fill: ${onFill}; --accent: ${accent};`;
}

/** An element with these properties and contents; texts are never read as HTML. */
function make(tag, properties = {}, ...contents) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...contents);
  return element;
}
