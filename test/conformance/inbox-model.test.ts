import { memoryInbox, type Admission, type Inbox } from '@hongbao/core'
import { describe, expect, it } from 'vitest'
import type { InboxHost, InboxStore } from './inbox-host.ts'
import { checkAgainstModel } from './inbox-model.ts'

// The model is worth what it finds: inboxes with the faults that inboxes have had.

const FAULTY: readonly (readonly [fault: string, inbox: () => Inbox])[] = [
  ['remembers a key before its work, and for good', remembersFirst],
  ['takes a run for a duplicate', calledDuplicate],
  ['confuses keys that differ in case', () => withKey((key) => key.toLowerCase())],
  ['confuses keys that one encoding confuses', () => withKey((key) => latin1(key))],
  ['starts work beside work', checksThenRuns],
  ['swallows the error of the work', swallows],
  ['keeps a key whose work rejected', keepsFailed],
]

describe('the model of an inbox', () => {
  it.each(FAULTY)('finds an inbox that %s', async (_, inbox) => {
    const host = hostOf(inbox)
    const checked = checkAgainstModel(host, await host.start())
    await expect(checked).rejects.toThrow(/Property failed after \d+ tests\n\{ seed: -?\d+/)
  })

  it('finds nothing in the memory inbox', async () => {
    const host = hostOf(() => memoryInbox())
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
        // What is told here is never reached: the clock of these inboxes stands still.
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

type Work = Parameters<Inbox['admit']>[1]

function inboxOf(admit: (key: string, work: Work) => Promise<Admission>): Inbox {
  return { retentionSeconds: Infinity, admit }
}

/** `SET key NX` as a flag for "seen". */
function remembersFirst(): Inbox {
  const seen = new Set<string>()
  return inboxOf(async (key, work) => {
    if (seen.has(key)) return 'duplicate'
    seen.add(key)
    await work({})
    return 'applied'
  })
}

function calledDuplicate(): Inbox {
  const inbox = memoryInbox()
  return inboxOf(async (key, work) => {
    const admission = await inbox.admit(key, work)
    return admission === 'busy' ? 'duplicate' : admission
  })
}

function withKey(change: (key: string) => string): Inbox {
  const inbox = memoryInbox()
  return inboxOf((key, work) => inbox.admit(change(key), work))
}

function latin1(key: string): string {
  return key.replaceAll(/[^ -~]/g, '?')
}

/** `select`, then the work, then `insert`. */
function checksThenRuns(): Inbox {
  const applied = new Set<string>()
  return inboxOf(async (key, work) => {
    if (applied.has(key)) return 'duplicate'
    await work({})
    applied.add(key)
    return 'applied'
  })
}

function swallows(): Inbox {
  const inbox = memoryInbox()
  return inboxOf((key, work) =>
    inbox.admit(key, async (context) => {
      await Promise.resolve(work(context)).catch(() => {})
    }),
  )
}

function keepsFailed(): Inbox {
  const running = new Set<string>()
  const applied = new Set<string>()
  return inboxOf(async (key, work) => {
    if (applied.has(key)) return 'duplicate'
    if (running.has(key)) return 'busy'
    running.add(key)
    await work({})
    running.delete(key)
    applied.add(key)
    return 'applied'
  })
}
