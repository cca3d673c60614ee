import type { Inbox } from '@hongbao/core'
import { describe, expect, it } from 'vitest'
import type { InboxHost, InboxStore, OpenInbox } from './inbox-host.ts'
import { FAULTY_INBOXES } from './faulty-inboxes.ts'
import { checkAgainstModel } from './inbox-comparison.ts'

// The model is worth what it finds: the faults that inboxes have had.

describe('the model of an inbox', () => {
  it.each(FAULTY_INBOXES)('detects an inbox that %s', async (_, inbox) => {
    const host = hostOf(inbox)
    const checked = checkAgainstModel(host, await host.start())
    await expect(checked).rejects.toThrow(/Property failed after \d+ tests\n\{ seed: -?\d+/)
  })

  it.each<[string, Partial<LeaseRules>]>([
    ['forgets a takeover that fails', { toldAfterFailure: () => false }],
    ['forgets a takeover that is released', { toldAfterGivingBack: () => false }],
    ['reports a takeover to every run', { toldAfterFailure: () => true }],
    ['refuses a stalled run though no other runs', { isRefused: (isOther) => isOther }],
    ['applies a stalled run beside another one', { isRefused: () => false }],
    ['regains a key that another one holds', { isRegained: () => true }],
    ['never regains a key', { isRegained: () => false }],
    ['takes the release of a regained key for that of another run', { renewsToken: false }],
  ])('detects an inbox on leases that %s [E60, E61, E72]', async (_, fault) => {
    const host = leaseHost({ ...LEASE_RULES, ...fault })
    const checked = checkAgainstModel(host, await host.start())
    await expect(checked).rejects.toThrow(/Property failed after/)
  })

  it('accepts an inbox on leases that keeps the rules', async () => {
    const host = leaseHost(LEASE_RULES)
    await checkAgainstModel(host, await host.start())
  })
})

function hostOf(createInbox: () => Inbox): InboxHost {
  const host = { name: 'faulty', hold: 'process', modelRuns: 1000 } as const
  return { ...host, start: () => Promise.resolve(storeOf(createInbox)) }
}

function storeOf(createInbox: () => Inbox): InboxStore {
  const effects: string[] = []
  const done = (): Promise<void> => Promise.resolve()
  return {
    open() {
      const inbox = createInbox()
      return Promise.resolve({
        // This value is never reached: the clock of these inboxes stands still.
        retentionSeconds: Infinity,
        admit: (key, work) =>
          inbox.admit(key, () =>
            work(async () => {
              effects.push(key)
            }),
          ),
        crash: done,
        close: done,
      })
    },
    countEffects: (key) => Promise.resolve(effects.filter((effect) => effect === key).length),
    advance: done,
    clean: done,
    takeAway: done,
    close: done,
  }
}

/** What an inbox on leases can have wrong. */
interface LeaseRules {
  /** Whether the next run is a takeover, if this one was or was not and has failed. */
  toldAfterFailure(wasTold: boolean): boolean
  toldAfterGivingBack(wasTold: boolean): boolean
  /** Whether a run that succeeded is refused: another one has the key, and its lease holds. */
  isRefused(isOther: boolean, isLive: boolean): boolean
  /** Whether a run that renews late has its key again. */
  isRegained(isLive: boolean): boolean
  /** Whether a regained key gets a token of its own. A run whose token is on a free key has failed. */
  readonly renewsToken: boolean
}

const LEASE_RULES: LeaseRules = {
  toldAfterFailure: (wasTold) => wasTold,
  toldAfterGivingBack: (wasTold) => wasTold,
  isRefused: (isOther, isLive) => isOther && isLive,
  isRegained: (isLive) => !isLive,
  renewsToken: true,
}

interface Held {
  readonly token: symbol
  readonly state: 'free' | 'running' | 'applied'
  readonly isTold: boolean
  isLive: boolean
}

function leaseHost(rules: LeaseRules): InboxHost {
  const host = { name: 'on leases', hold: 'lease', modelRuns: 2000 } as const
  return { ...host, start: () => Promise.resolve(leaseStore(rules)) }
}

function leaseStore(rules: LeaseRules): InboxStore {
  const keys = new Map<string, Held>()
  const effects: string[] = []

  function endLeases(of: Iterable<Held | undefined>): Promise<void> {
    for (const held of of) if (held !== undefined) held.isLive = false
    return Promise.resolve()
  }

  return {
    open: () => Promise.resolve(openLeases(rules, keys, effects)),
    countEffects: (key) => Promise.resolve(effects.filter((effect) => effect === key).length),
    advance: () => endLeases(keys.values()),
    takeAway: (key) => endLeases([keys.get(key)]),
    clean: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function openLeases(rules: LeaseRules, keys: Map<string, Held>, effects: string[]): OpenInbox {
  let losing: 'claim-answer' | 'release' | undefined
  let isDead = false

  function free(key: string, isTold: boolean, token: symbol): void {
    keys.set(key, { state: 'free', isTold, isLive: false, token })
  }

  function fail(key: string, mine: Held): void {
    const isHeard = losing !== 'release' && !isDead
    losing = undefined
    if (!isHeard || keys.get(key) !== mine) return
    free(key, rules.toldAfterFailure(mine.isTold), mine.token)
  }

  /** What the run holds then: as before, if the key cannot be claimed. */
  function renew(key: string, mine: Held): Held {
    const now = keys.get(key)
    if (now === mine) mine.isLive = true
    // Nothing is forgotten, so some key is claimed.
    if (now === mine || now === undefined || now.state === 'applied') return mine
    if (!rules.isRegained(now.isLive)) return mine
    const isTold = mine.isTold || now.isTold || now.state === 'running'
    const token = rules.renewsToken ? Symbol(key) : now.token
    const regained: Held = { state: 'running', isTold, isLive: true, token }
    keys.set(key, regained)
    return regained
  }

  function claim(key: string): Held | 'duplicate' | 'busy' {
    const held = keys.get(key)
    const isClaimable = held?.state !== 'applied' && held?.isLive !== true
    const isTold = held?.state === 'running' || held?.isTold === true
    if (losing === 'claim-answer') {
      losing = undefined
      if (isClaimable) free(key, rules.toldAfterGivingBack(isTold), Symbol(key))
      throw new Error('read ECONNRESET')
    }
    if (!isClaimable) return held?.state === 'applied' ? 'duplicate' : 'busy'
    const mine: Held = { state: 'running', isTold, isLive: true, token: Symbol(key) }
    keys.set(key, mine)
    return mine
  }

  function complete(key: string, { mine, token }: { mine: Held; token: symbol }): void {
    const now = keys.get(key)
    const isOther = now !== mine && now?.state !== 'applied'
    const hasFailed = now?.state === 'free' && now.token === token
    const isRefused = rules.isRefused(isOther, now?.isLive === true) || hasFailed
    if (isRefused) throw new Error('The lease was lost.')
    keys.set(key, { state: 'applied', isTold: false, isLive: false, token })
  }

  const admit: OpenInbox['admit'] = async (key, work) => {
    const claimed = claim(key)
    if (typeof claimed === 'string') return claimed
    const { token, isTold } = claimed
    let mine = claimed
    try {
      await work(async () => void effects.push(key), {
        isTakeover: isTold,
        renew() {
          mine = renew(key, mine)
          return Promise.resolve(keys.get(key) === mine)
        },
      })
    } catch (error) {
      fail(key, mine)
      throw error
    }
    complete(key, { mine, token })
    return 'applied'
  }

  return {
    // This value is never reached: nothing is forgotten.
    retentionSeconds: Infinity,
    admit,
    line: { loseNext: (message) => void (losing = message), quiet: () => Promise.resolve() },
    crash() {
      isDead = true
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
}
