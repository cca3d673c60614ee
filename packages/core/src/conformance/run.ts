import type { Admission, Inbox } from '../inbox/inbox.ts'

export interface Run<Context extends object> {
  readonly key: string
  /** `'started'` while its work waits for the test. */
  readonly answer: 'started' | Admission
  /** What the inbox lent to the work. Rejects if the work has not started. */
  context(this: void): Promise<Context>
  finish(): Promise<Settlement>
  fail(error: unknown): Promise<Settlement>
}

export type Settlement = { readonly admission: Admission } | { readonly error: unknown }

/** Asks for a key, and resolves as soon as the work has started or the inbox has answered. */
export async function startRun<Context extends object>(
  inbox: Inbox<Context>,
  key: string,
): Promise<Run<Context>> {
  const started = Promise.withResolvers<Context>()
  const end = Promise.withResolvers<void>()
  // Neither is awaited if the work does not start.
  for (const { promise } of [started, end]) promise.catch(() => {})
  const settled = settle(
    inbox.admit(key, (context) => {
      started.resolve(context)
      return end.promise
    }),
  )
  const answer = await Promise.race([started.promise.then(() => 'started' as const), settled])
  if (typeof answer === 'object') {
    if ('error' in answer) throw answer.error
    started.reject(new Error('The work has not started.'))
  }
  return {
    key,
    answer: typeof answer === 'object' ? answer.admission : answer,
    context: () => started.promise,
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

export function settle(admission: Promise<Admission>): Promise<Settlement> {
  return admission.then(
    (answer): Settlement => ({ admission: answer }),
    (error: unknown): Settlement => ({ error }),
  )
}
