// Patchbay loader: opens the connect page in a dialog, in a container of yours, or in a window. See README.md beside it.
// Apache-2.0
(() => {
  'use strict';
  const self = document.currentScript;
  const home = self && self.src ? new URL(self.src).origin : location.origin;

  // From what the backend was given when it opened the session: { link } or { session, token, origin }.
  const address = (o) => {
    const url = o.link ? new URL(o.link) : new URL('/connect/' + encodeURIComponent(o.session), o.origin || home);
    const token = o.token || url.hash.slice(1);
    if (!/^https?:$/.test(url.protocol) || !token.startsWith('cst_')) throw new TypeError('Patchbay: give link, or session and token');
    url.hash = token;
    return url;
  };

  // Hears the connect page: this very window or frame, at its exact origin, about this very session.
  const hear = (o, url, source, on) => {
    const session = decodeURIComponent(url.pathname.split('/').pop());
    const call = (name, value) => typeof o[name] === 'function' && o[name](value);
    const listener = (event) => {
      const m = event.data;
      if (event.source !== source() || event.origin !== url.origin || !m || m.source !== 'patchbay' || m.session !== session) return;
      if (m.type === 'ready') call('onReady', { session });
      if (m.type === 'connected') call('onConnected', { session, connectionId: m.connectionId });
      if (m.type === 'failed') call('onFailed', { session, code: m.code });
      if (m.type === 'resize' && on.resize) on.resize(+m.height || 0);
      if (m.type === 'closed') on.closed();
    };
    addEventListener('message', listener);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      removeEventListener('message', listener);
      call('onClose', { session });
    };
  };

  const styled = (name, css, attributes) => {
    const element = document.createElement(name);
    Object.assign(element.style, css);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };

  const connect = (o) => {
    const url = address(o);
    url.searchParams.set('embed', '1');
    const frame = styled('iframe', { border: 0, width: '100%', height: '100%', display: 'block', colorScheme: 'normal' }, {
      title: o.title || 'Connect your account',
      sandbox: 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation',
      allow: 'clipboard-write',
      referrerpolicy: 'strict-origin',
    });
    const before = document.activeElement;
    const into = typeof o.container === 'string' ? document.querySelector(o.container) : o.container;
    if (o.container && !into) throw new TypeError('Patchbay: no such container');
    let shell = frame;
    // On a phone the page is the whole screen.
    const small = innerWidth < 480;
    if (into) {
      frame.style.height = '480px';
    } else {
      // The browser's own dialog keeps the focus inside and everything behind it out of reach.
      shell = styled('dialog', {
        padding: 0, border: 0, overflow: 'hidden', background: 'Canvas', borderRadius: small ? 0 : '18px',
        width: small ? '100vw' : '440px', height: small ? '100dvh' : 'min(680px, 94dvh)', maxWidth: '100vw', maxHeight: '100dvh', margin: 'auto',
        boxShadow: '0 24px 64px -16px rgba(0,0,0,.45)',
      }, { 'aria-label': frame.title, 'aria-modal': 'true', role: 'dialog' });
      shell.append(frame);
      shell.addEventListener('cancel', (event) => { event.preventDefault(); close(); });
      shell.addEventListener('click', (event) => event.target === shell && close());
    }
    const end = hear(o, url, () => frame.contentWindow, {
      closed: () => close(),
      resize: (height) => { if (into && height) frame.style.height = height + 'px'; },
    });
    let gone = false;
    const close = () => {
      if (gone) return;
      gone = true;
      // The page closes the provider's window that it may have opened; it lives a moment longer to do so.
      frame.contentWindow.postMessage({ source: 'patchbay', type: 'close' }, url.origin);
      setTimeout(() => shell.remove(), 100);
      if (shell.close) shell.close();
      shell.style.display = 'none';
      if (before && before.focus) before.focus();
      end();
    };
    frame.src = url.href;
    (into || document.body).append(shell);
    if (shell.showModal) shell.showModal();
    frame.focus();
    return { close };
  };

  // Call it within a click, browsers block the window otherwise; returns null then.
  const open = (o) => {
    const url = address(o);
    const popup = window.open(url.href, 'patchbay', 'popup,width=480,height=720');
    if (!popup) {
      if (typeof o.onFailed === 'function') o.onFailed({ session: o.session, code: 'popup-blocked' });
      return null;
    }
    const close = () => { clearInterval(watch); popup.close(); end(); };
    const end = hear(o, url, () => popup, { closed: close });
    const watch = setInterval(() => popup.closed && close(), 500);
    return { close };
  };

  window.Patchbay = Object.freeze({ connect, open });
})();
