// For the server's own small pages, whose policy forbids inline scripts. What to do is in the body's attributes:
// data-next="URL": go there, leaving no entry to come back to.  data-close="1": tell the opener that the trip is over, and close.
(() => {
  const { next, close } = document.body.dataset;
  if (next) location.replace(next);
  if (close !== '1') return;
  // The opener is our own connect page; the exact origin keeps anyone else from hearing even this.
  if (window.opener) window.opener.postMessage({ source: 'patchbay', type: 'callback' }, location.origin);
  window.close();
})();
