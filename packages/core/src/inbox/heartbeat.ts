/** Returns whether the request that an execution belongs to is still alive. */
export interface Heartbeat {
  /** Whether the request has been frozen: nothing in it goes on, and none of its promises settles. */
  isSilent(): boolean
  stop(): void
}

export const BEAT_MS = 1000
const SILENT_MS = 3000

/**
 * Cloudflare Workers freeze a request when it ends: answered, abandoned by its sender, or past the
 * 30 s of `waitUntil`. On every other runtime promises settle, so nothing is measured there.
 */
export function freezesRequests(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers'
}

/**
 * Starts a timer in the request that is being served. It stops when that request is frozen, as the
 * handlers do, and never before: so no limit of the platform has to be known, and a handler that may
 * run for 15 minutes (queues, cron) keeps its event.
 */
export function startHeartbeat(): Heartbeat {
  let lastBeatMs = performance.now()
  const timer = setInterval(() => {
    lastBeatMs = performance.now()
  }, BEAT_MS)
  return {
    isSilent: () => performance.now() - lastBeatMs > SILENT_MS,
    stop: () => clearInterval(timer),
  }
}

/** Waits in the caller's own request, for a beat by default: a beat that is only late is not taken for silence. */
export async function isFrozen(
  heartbeat: Heartbeat | undefined,
  waitMs: number = BEAT_MS,
): Promise<boolean> {
  if (heartbeat?.isSilent() !== true) return false
  await new Promise((resolve) => setTimeout(resolve, waitMs))
  return heartbeat.isSilent()
}
