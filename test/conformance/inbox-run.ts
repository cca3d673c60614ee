import type { Admission } from '@hongbao/core'
import type { OpenInbox } from './inbox-host.ts'

/** An admission whose work does what the test says, when the test says so. */
export interface Run {
  readonly key: string
  /** What became of it: `'started'` while its work waits for the test. */
  readonly answer: 'started' | Admission
  /** Applies the effect of the key once. Rejects where the inbox lends nothing any more. */
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
  const started = Promise.withResolvers<() => Promise<void>>()
  const end = Promise.withResolvers<void>()
  const settled = process
    .admit(key, (applyEffect) => {
      started.resolve(applyEffect)
      return end.promise
    })
    .then(
      (admission): Settlement => ({ admission }),
      (error: unknown): Settlement => ({ error }),
    )
  const first = await Promise.race([started.promise, settled])
  if (typeof first !== 'function' && 'error' in first) throw first.error
  return {
    key,
    answer: typeof first === 'function' ? 'started' : first.admission,
    async applyEffect() {
      await (
        await started.promise
      )()
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

/** Asks for a key, applies its effect where it may, and tells the answer. */
export function deliver(process: OpenInbox, key: string): Promise<Admission> {
  return process.admit(key, (applyEffect) => applyEffect())
}
