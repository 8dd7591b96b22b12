// A new key: its secret is in the answer to the call alone, and shown until the dialog is closed.
document.addEventListener("darkroom:done", (event) => {
  const secret = event.detail?.key;
  if (!secret) return;
  const dialog = document.getElementById("secret");
  document.getElementById("secret-key").textContent = secret;
  document.getElementById("new-key").reset();
  dialog.addEventListener("close", () => { document.getElementById("secret-key").textContent = ""; }, { once: true });
  dialog.showModal();
});
