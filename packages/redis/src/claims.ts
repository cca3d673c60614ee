import { randomUUID } from 'node:crypto'
import type { Send } from './client.ts'
import { isUncertain, toInboxError } from './errors.ts'
import { readInteger, readPair } from './replies.ts'
import { createScriptRunner } from './script-runner.ts'
import { CLAIM, COMPLETE, PROBE, RELEASE, RENEW } from './scripts.ts'

/** An event that is ours to apply. */
export interface Claim {
  readonly key: string
  /** Random, so that no other process can renew, complete or release the claim. */
  readonly owner: string
  readonly token: number
  readonly isTakeover: boolean
  /** When it was asked for, by `performance.now`: the lease lasts from then on at least. */
  readonly askedAt: number
}

/** The steps in Redis. Each rejects with an `InboxError` within `commandTimeoutMs`. */
export interface Claims {
  claim(key: string): Promise<Claim | 'done' | 'busy'>
  renew(claim: Claim): Promise<Renewal>
  complete(claim: Claim): Promise<Completion>
  /** Never rejects: the lease ends by itself. */
  release(claim: Pick<Claim, 'key' | 'owner'>): Promise<void>
  /** Does what the other steps do, to a key of its own, and leaves nothing in Redis. */
  probe(): Promise<void>
}

/** What the steps need of the options. */
export interface ClaimSettings {
  readonly prefix: string
  readonly consumer: string
  readonly retentionSeconds: number
  readonly leaseMs: number
  readonly commandTimeoutMs: number
}

export function createClaims(send: Send, settings: ClaimSettings): Claims {
  const { prefix, consumer } = settings
  const run = createScriptRunner(send, settings.commandTimeoutMs)
  const leaseMs = String(settings.leaseMs)
  const retentionMs = String(settings.retentionSeconds * 1000)

  async function claim(key: string): Promise<Claim | 'done' | 'busy'> {
    const owner = randomUUID()
    const askedAt = performance.now()
    const step = { script: CLAIM, key: nameOf(key), args: [owner, retentionMs, '0', '0', leaseMs] }
    const giveBack = (): void => void release({ key, owner })
    try {
      const [outcome, token] = await run(step, readPair, giveBack)
      if (outcome === 0) return 'done'
      if (outcome < 0) return 'busy'
      return { key, owner, token, isTakeover: outcome === 2, askedAt }
    } catch (error) {
      // Redis may have carried out the claim. Without a release, a redelivery would wait until the
      // unused lease ends. After a timeout, `onLate` releases it.
      const { code } = toInboxError(error)
      if (code !== 'redis-timed-out' && isUncertain(code)) giveBack()
      throw error
    }
  }

  function renew({ key, owner, token, isTakeover }: Claim): Promise<Renewal> {
    const args = [owner, retentionMs, String(token), isTakeover ? '1' : '0', leaseMs]
    return run({ script: RENEW, key: nameOf(key), args }, readRenewal)
  }

  function complete({ key, owner, token }: Claim): Promise<Completion> {
    const args = [owner, retentionMs, String(token)]
    return run({ script: COMPLETE, key: nameOf(key), args }, readCompletion)
  }

  async function release({ key, owner }: Pick<Claim, 'key' | 'owner'>): Promise<void> {
    const step = { script: RELEASE, key: nameOf(key), args: [owner, retentionMs] }
    await run(step, readInteger).catch(() => {})
  }

  async function probe(): Promise<void> {
    await run({ script: PROBE, key: nameOf('probe'), args: [] }, readPair)
  }

  /**
   * The whole key is the hash tag, so that data of your own about the event can be on its node. The
   * first and the last brace set it apart, so no other prefix, key or consumer has this name.
   */
  function nameOf(key: string): string {
    return `${prefix}{${key}}:${consumer}`
  }

  return { claim, renew, complete, release, probe }
}

// The index is the answer of the script.
const RENEWALS = ['taken-over', 'renewed', 'regained'] as const
const COMPLETIONS = ['taken-over', 'completed', 'completed-beside-another'] as const

/** Result of a renewal. `'regained'`: another run had the key meanwhile, and holds it no more. */
export type Renewal = (typeof RENEWALS)[number]

/** Result of a completion. `'completed-beside-another'`: another run had the key meanwhile. */
export type Completion = (typeof COMPLETIONS)[number]

function readRenewal(reply: unknown): Renewal {
  return RENEWALS[readInteger(reply)] ?? 'taken-over'
}

function readCompletion(reply: unknown): Completion {
  return COMPLETIONS[readInteger(reply)] ?? 'taken-over'
}
