// The hosted sign-in page on its own.
import { live } from './sign_in.js';

const main = document.querySelector('[data-sign-in]');
live(main, {
  go: (address) => location.replace(address),
  shown: (title) => {
    document.title = title;
  },
});
