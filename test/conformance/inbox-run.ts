import type { Admission } from '@hongbao/core'
import type { OpenInbox, Work } from './inbox-host.ts'

/** An admission whose work is controlled by the test, step by step. */
export interface Run {
  readonly key: string
  /** Its state: `'started'` while its work waits for the test. */
  readonly answer: 'started' | Admission
  /** What the inbox reported to the work about earlier runs, if it reports it. */
  readonly isTakeover: boolean | undefined
  /** Renews its lease; returns whether it holds the key then. Rejects if there is no lease. */
  renew(): Promise<boolean>
  /** Applies the effect of the key once. Rejects if the inbox no longer lends its context. */
  applyEffect(): Promise<void>
  /** Lets the work resolve, and waits for what the inbox makes of that. */
  finish(): Promise<Settlement>
  /** Lets the work reject, and waits for what the inbox makes of that. */
  fail(error: unknown): Promise<Settlement>
}

/** How an admission settled. */
export type Settlement = { readonly admission: Admission } | { readonly error: unknown }

/** Asks for a key, and resolves as soon as the work has started or the inbox has answered. */
export async function startRun(process: OpenInbox, key: string): Promise<Run> {
  const started = Promise.withResolvers<Parameters<Work>>()
  const end = Promise.withResolvers<void>()
  const settled = process
    .admit(key, (...lent) => {
      started.resolve(lent)
      return end.promise
    })
    .then(
      (admission): Settlement => ({ admission }),
      (error: unknown): Settlement => ({ error }),
    )
  const first = await Promise.race([started.promise, settled])
  if ('error' in first) throw first.error
  return {
    key,
    answer: 'admission' in first ? first.admission : 'started',
    isTakeover: 'admission' in first ? undefined : first[1]?.isTakeover,
    async renew() {
      const [, lease] = await started.promise
      if (lease === undefined) throw new Error('This run has no lease.')
      return lease.renew()
    },
    async applyEffect() {
      const [apply] = await started.promise
      await apply()
    },
    finish() {
      end.resolve()
      return settled
    },
    fail(error) {
      end.reject(error)
      return settled
    },
  }
}

/** Claims a key, applies its effect if it may, and returns the answer. */
export function deliver(process: OpenInbox, key: string): Promise<Admission> {
  return process.admit(key, (applyEffect) => applyEffect())
}
