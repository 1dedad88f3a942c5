// The page under /app.
import { mount } from './app.js';
import { registerWorker } from './push.js';

function bindingFromLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get('bind') ?? '';
  // Out of the address bar, so that it is neither copied nor kept in the browser's history.
  if (code) history.replaceState(null, '', location.pathname);
  return code;
}

registerWorker();
const app = await mount(document.getElementById('app'), { binding: bindingFromLink(), isWhole: true });

// A link that is opened while the app is already here.
window.addEventListener('hashchange', () => {
  const code = bindingFromLink();
  if (code) {
    app.options.binding = code;
    app.start();
  } else if (app.bound && ['now', 'history', 'account', 'help'].includes(location.hash.slice(1))) {
    app.go(location.hash.slice(1));
  }
});
