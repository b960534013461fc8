// A photo is made small before it is sent: what a phone takes is larger than a request may be.
"use strict";

const field = document.querySelector("input[data-side]");
field.addEventListener("change", async () => {
  const [file] = field.files;
  if (!file || file.type === "image/svg+xml") return;
  try {
    const image = await createImageBitmap(file);
    const most = Number(field.dataset.side);
    const side = Math.min(image.width, image.height), shown = Math.min(side, most);
    const canvas = Object.assign(document.createElement("canvas"), { width: shown, height: shown });
    const at = [(image.width - side) / 2, (image.height - side) / 2];
    canvas.getContext("2d").drawImage(image, ...at, side, side, 0, 0, shown, shown);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/webp", 0.9));
    const sent = new DataTransfer();
    sent.items.add(new File([blob], "photo", { type: blob.type }));
    field.files = sent.files;
  } catch { /* it is sent as it is, and the server says what is wrong with it */ }
});
