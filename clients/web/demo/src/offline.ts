// Makes the browser keep the page itself for offline use, except during development.

/** Resolves to whether the page is kept. It never is if the browser has no service workers. */
export async function keepPage(): Promise<boolean> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return false;
  try {
    await navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`);
    await navigator.serviceWorker.ready;
    return true;
  } catch {
    return false;
  }
}
