// Where this page was loaded from.

/** Whether it has a name. By an address alone, as on a local network, its certificate is nobody's. */
export const hasName = () => !/^[\d.]+$|^\[/.test(location.hostname);
