import { randomUUID } from 'node:crypto'
import type { Send } from './client.ts'
import { mayHaveHappened, RedisInboxError, toInboxError } from './errors.ts'
import { CLAIM, COMPLETE, RELEASE, RENEW, type Script } from './scripts.ts'

/** An event that is ours to apply. */
export interface Claim {
  readonly key: string
  /** Random: nobody else can renew, complete or release the claim. */
  readonly owner: string
  readonly token: number
  readonly isTakeover: boolean
  /** When it was asked for, by `performance.now`: the lease lasts from then on at least. */
  readonly askedAt: number
}

/** The four steps in Redis. Each rejects with a `RedisInboxError` within `commandTimeoutMs`. */
export interface Claims {
  claim(key: string): Promise<Claim | 'done' | 'busy'>
  /** False: it was taken over. */
  renew(claim: Claim): Promise<boolean>
  complete(claim: Claim): Promise<'completed' | 'completed-by-another' | 'taken-over'>
  /** Never rejects: the lease ends by itself. */
  release(claim: Pick<Claim, 'key' | 'owner'>): Promise<void>
}

/** What the steps need of the options. */
export interface ClaimSettings {
  readonly prefix: string
  readonly retentionSeconds: number
  readonly leaseMs: number
  readonly commandTimeoutMs: number
}

export function createClaims(send: Send, settings: ClaimSettings): Claims {
  const { prefix, commandTimeoutMs } = settings
  const leaseMs = String(settings.leaseMs)
  const retentionMs = String(settings.retentionSeconds * 1000)

  async function claim(key: string): Promise<Claim | 'done' | 'busy'> {
    const owner = randomUUID()
    const askedAt = performance.now()
    const step = start(CLAIM, key, [owner, retentionMs, '0', '0', leaseMs])
    try {
      const [outcome, token] = readClaim(await step.reply)
      if (outcome === 0) return 'done'
      if (outcome < 0) return 'busy'
      return { key, owner, token, isTakeover: outcome === 2, askedAt }
    } catch (error) {
      const failure = toInboxError(error)
      // Whoever sends the event again should not have to wait for the lease of a lost answer to end.
      if (mayHaveHappened(failure)) void step.settled.then(() => release({ key, owner }))
      throw failure
    }
  }

  async function renew({ key, owner, token, isTakeover }: Claim): Promise<boolean> {
    const takeover = isTakeover ? '1' : '0'
    return (await run(RENEW, key, [owner, retentionMs, String(token), takeover, leaseMs])) === 1
  }

  async function complete({ key, owner, token }: Claim) {
    const reply = await run(COMPLETE, key, [owner, retentionMs, String(token)])
    if (reply === 1) return 'completed'
    return reply === 2 ? 'completed-by-another' : 'taken-over'
  }

  async function release({ key, owner }: Pick<Claim, 'key' | 'owner'>): Promise<void> {
    await run(RELEASE, key, [owner, retentionMs]).catch(() => {})
  }

  async function run(script: Script, key: string, args: readonly string[]): Promise<number> {
    try {
      return readInteger(await start(script, key, args).reply)
    } catch (error) {
      throw toInboxError(error)
    }
  }

  function start(script: Script, key: string, args: readonly string[]): Step {
    let isGivenUp = false
    // The whole key is the hash tag, so that data of your own about the event can be on its node.
    const redisKey = `${prefix}{${key}}`
    const rest = ['1', redisKey, ...args]

    async function execute(): Promise<unknown> {
      try {
        return await send(['EVALSHA', script.sha1, ...rest], redisKey)
      } catch (error) {
        // After a restart, a failover or SCRIPT FLUSH; EVAL teaches Redis the script again.
        if (!isUnknownScript(error) || isGivenUp) throw error
      }
      return await send(['EVAL', script.source, ...rest], redisKey)
    }

    const { promise: reply, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => {
      isGivenUp = true
      reject(new RedisInboxError('redis-timed-out'))
    }, commandTimeoutMs)
    const settled = execute()
      .then(resolve, reject)
      .then(() => clearTimeout(timer))
    return { reply, settled }
  }

  return { claim, renew, complete, release }
}

/** A script on its way. */
interface Step {
  /** What Redis says; rejects when it has said nothing for too long. */
  readonly reply: Promise<unknown>
  /** Resolves when the client has done with it, however late. */
  readonly settled: Promise<void>
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}

function readClaim(reply: unknown): [outcome: number, token: number] {
  if (!Array.isArray(reply) || reply.length !== 2) throw unexpected(reply)
  const [outcome, token] = reply.map(readInteger)
  if (outcome === undefined || token === undefined) throw unexpected(reply)
  return [outcome, token]
}

/** Clients can be set to give integers as strings. */
function readInteger(reply: unknown): number {
  const isInteger = typeof reply === 'number' || typeof reply === 'string'
  const value = isInteger ? Number(reply) : Number.NaN
  if (!Number.isSafeInteger(value)) throw unexpected(reply)
  return value
}

function unexpected(reply: unknown): RedisInboxError {
  const cause = new TypeError(`A ${typeof reply} is not what the scripts answer with.`)
  return new RedisInboxError('reply-unexpected', { cause })
}
