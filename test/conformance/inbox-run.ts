import type { Admission, Inbox } from '@hongbao/core'
import {
  startRun as startRunOf,
  type Run as RunOf,
} from '../../packages/core/src/conformance/run.ts'
import type { OpenInbox, RunLease } from './inbox-host.ts'

export type { Settlement } from '../../packages/core/src/conformance/run.ts'

/** What the inbox of a process lends to work here. */
interface HostContext {
  readonly applyEffect: () => Promise<void>
  readonly lease: RunLease | undefined
}

/** The inbox of a process, for which `inboxConformance` asks, and the process. */
export interface InboxOfProcess extends Inbox<HostContext> {
  readonly process: OpenInbox
}

/** An admission whose work is controlled by the test, step by step. */
export interface Run extends Omit<RunOf<HostContext>, 'context'> {
  /** What the inbox reported to the work about earlier runs, if it reports it. */
  readonly isTakeover: boolean | undefined
  /** Renews its lease; returns whether it holds the key then. Rejects if there is no lease. */
  renew(): Promise<boolean>
  /** Applies the effect of the key once. Rejects if the inbox no longer lends its context. */
  applyEffect(): Promise<void>
}

export function inboxOf(process: OpenInbox): InboxOfProcess {
  const { retentionSeconds, ready, flush } = process
  return {
    process,
    retentionSeconds,
    ...(ready && { ready }),
    ...(flush && { flush }),
    admit: (key, work) => process.admit(key, (applyEffect, lease) => work({ applyEffect, lease })),
  }
}

/** Asks for a key, and resolves as soon as the work has started or the inbox has answered. */
export async function startRun(process: OpenInbox, key: string): Promise<Run> {
  const { context, ...run } = await startRunOf(inboxOf(process), key)
  const started = run.answer === 'started'
  return {
    ...run,
    isTakeover: started ? (await context()).lease?.isTakeover : undefined,
    async renew() {
      const { lease } = await context()
      if (lease === undefined) throw new Error('This run has no lease.')
      return lease.renew()
    },
    async applyEffect() {
      await (await context()).applyEffect()
    },
  }
}

/** Claims a key, applies its effect if it may, and returns the answer. */
export function deliver(process: OpenInbox, key: string): Promise<Admission> {
  return process.admit(key, (applyEffect) => applyEffect())
}
