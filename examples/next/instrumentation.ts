/** Next.js calls it when a server starts. In several processes, start the reconciler in one only. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return
  const { createShopReconciler } = await import('@/lib/red-envelopes')
  createShopReconciler().start()
}
