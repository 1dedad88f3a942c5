// A page that answers a form is loaded anew as the page it shows: as the form it would act once more.
const [, admin, part, name, action] = location.pathname.split('/');
const isAction = part === 'subscribers' ? action !== undefined : name !== undefined;
const page = part === 'subscribers' && name !== undefined ? [admin, part, name] : [admin, part];
history.replaceState(null, '', isAction ? `/${page.join('/')}` : location.href);
