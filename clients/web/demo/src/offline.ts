// Has the browser keep the page itself. While it is developed, it is not kept.

/** Whether it is kept; never, where the browser has no service workers. */
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
