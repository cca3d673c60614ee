import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import {
  memoryInbox,
  type Admission,
  type Inbox,
  type MemoryInboxOptions,
  type OnWarning,
} from '../src/index.ts'
import { deferred } from './deferred.ts'
import { seeded } from './seeded.ts'

const HOUR = 60 * 60
const DAY_2 = 48 * HOUR

describe('the memory inbox', () => {
  it('runs the work of a new key without arguments, and remembers the key', async () => {
    const { inbox } = openInbox()
    const lent: unknown[] = []
    const admission = await inbox.admit('a', (context) => {
      lent.push(context)
      return Promise.resolve()
    })
    expect(admission).toBe('applied')
    expect(lent).toEqual([{}])
    expect(await isRemembered(inbox, 'a')).toBe(true)
  })

  it('runs nothing for a key that was applied', async () => {
    const { inbox } = openInbox()
    await apply(inbox, 'a')
    const work = vi.fn<() => Promise<void>>(() => Promise.resolve())
    expect(await inbox.admit('a', work)).toBe('duplicate')
    expect(work).not.toHaveBeenCalled()
  })

  it('is busy with a key whose work is running, and with no other', async () => {
    const { inbox } = openInbox()
    const end = deferred()
    const running = inbox.admit('a', () => end.promise)
    expect(await apply(inbox, 'a')).toBe('busy')
    expect(await apply(inbox, 'b')).toBe('applied')
    end.resolve()
    expect(await running).toBe('applied')
    expect(await apply(inbox, 'a')).toBe('duplicate')
  })

  it.each<[string, unknown]>([
    ['an error', new Error('declined')],
    ['nothing', undefined],
  ])('forgets a key whose work rejects with %s, and passes the rejection on', async (_, thrown) => {
    const { inbox } = openInbox()
    await expect(inbox.admit('a', () => Promise.reject(thrown as Error))).rejects.toBe(thrown)
    expect(await apply(inbox, 'a')).toBe('applied')
  })

  it('forgets a key whose work throws', async () => {
    const { inbox } = openInbox()
    const error = new Error('declined')
    const admission = inbox.admit('a', () => {
      throw error
    })
    await expect(admission).rejects.toBe(error)
    expect(await apply(inbox, 'a')).toBe('applied')
  })

  it('is separate from another memory inbox', async () => {
    const [first, second] = [memoryInbox(), memoryInbox()]
    await apply(first, 'a')
    expect(await apply(second, 'a')).toBe('applied')
  })

  it.each(['__proto__', 'constructor', '', 'a:b:c', '红包'])('takes any key: %j', async (key) => {
    const { inbox } = openInbox()
    expect(await apply(inbox, key)).toBe('applied')
    expect(await apply(inbox, key)).toBe('duplicate')
  })
})

describe('the retention of the memory inbox', () => {
  it('is 48 h, or the given retention', () => {
    expect(memoryInbox().retentionSeconds).toBe(172_800)
    expect(memoryInbox({ retentionSeconds: 97_200 }).retentionSeconds).toBe(97_200)
  })

  it.each([
    ['applied at once', 0],
    ['applied in the middle of a generation', 20 * HOUR],
    ['applied at the end of a generation', DAY_2 - 1],
    ['applied at the start of the next', DAY_2],
  ])('is the retention at least: a key %s', async (_, appliedAt) => {
    const clock = openInbox()
    clock.at(appliedAt)
    await apply(clock.inbox, 'a')
    for (let seconds = appliedAt; seconds < appliedAt + DAY_2; seconds += HOUR) {
      clock.at(seconds)
      expect(await apply(clock.inbox, `other at ${seconds}`)).toBe('applied')
      expect(await isRemembered(clock.inbox, 'a')).toBe(true)
    }
    clock.at(appliedAt + DAY_2 - 1)
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
  })

  it('is twice the retention at the most', async () => {
    const clock = openInbox()
    await apply(clock.inbox, 'a')
    clock.at(DAY_2)
    await apply(clock.inbox, 'b')
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
    clock.at(2 * DAY_2 - 1)
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
    clock.at(2 * DAY_2)
    expect(await isRemembered(clock.inbox, 'a')).toBe(false)
    expect(await isRemembered(clock.inbox, 'b')).toBe(true)
  })

  it('expires after a long silence: old keys are dropped even if no event arrives', async () => {
    const clock = openInbox()
    await apply(clock.inbox, 'a')
    clock.at(2 * DAY_2)
    expect(await isRemembered(clock.inbox, 'a')).toBe(false)
  })

  it('is not shortened by a clock that goes back', async () => {
    const clock = openInbox()
    clock.at(10 * HOUR)
    await apply(clock.inbox, 'a')
    clock.at(-1000 * HOUR)
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
    clock.at(10 * HOUR + 1)
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
  })

  it('begins when the work ends, however long that took', async () => {
    const clock = openInbox()
    const end = deferred()
    const running = clock.inbox.admit('a', () => end.promise)
    clock.at(3 * DAY_2)
    end.resolve()
    expect(await running).toBe('applied')
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
    clock.at(4 * DAY_2 - 1)
    expect(await isRemembered(clock.inbox, 'a')).toBe(true)
  })

  it('does not apply to work that is still running: it is never started twice [E28]', async () => {
    const clock = openInbox({ maxKeys: 2 })
    const end = deferred()
    const running = clock.inbox.admit('a', () => end.promise)
    clock.at(10 * DAY_2)
    for (const key of ['b', 'c', 'd', 'e', 'f']) await apply(clock.inbox, key)
    expect(await apply(clock.inbox, 'a')).toBe('busy')
    end.resolve()
    expect(await running).toBe('applied')
    expect(await apply(clock.inbox, 'a')).toBe('duplicate')
  })
})

describe('the capacity of the memory inbox', () => {
  it('is the newest `maxKeys` at least [E59]', async () => {
    const { inbox } = openInbox({ maxKeys: 100 })
    for (let key = 0; key < 1000; key += 1) {
      expect(await apply(inbox, String(key))).toBe('applied')
      for (const recent of [key, key - 1, key - 50, key - 99].filter((each) => each >= 0)) {
        expect(await isRemembered(inbox, String(recent))).toBe(true)
      }
    }
  })

  it('is twice `maxKeys` at the most', async () => {
    const { inbox } = openInbox({ maxKeys: 100 })
    for (let key = 0; key < 1000; key += 1) await apply(inbox, String(key))
    for (let key = 0; key < 800; key += 1)
      expect(await isRemembered(inbox, String(key))).toBe(false)
  })

  it('is all of `maxKeys`, duplicates of them not counted', async () => {
    const { inbox } = openInbox({ maxKeys: 100 })
    for (let key = 0; key < 100; key += 1) {
      await apply(inbox, String(key))
      for (let known = 0; known <= key; known += 1) {
        expect(await apply(inbox, String(known))).toBe('duplicate')
      }
    }
  })

  it('is `maxKeys` right after a generation has ended by its age [E59]', async () => {
    const clock = openInbox({ retentionSeconds: 27 * HOUR, maxKeys: 1000 })
    clock.at(26.9 * HOUR)
    await apply(clock.inbox, 'paid')
    clock.at(27.1 * HOUR)
    for (let key = 0; key < 999; key += 1) await apply(clock.inbox, String(key))
    expect(await apply(clock.inbox, 'paid')).toBe('duplicate')
  })

  // Against a list of all that was applied. Pauses are a minute or more, so that no warning comes too soon.
  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'is the newest `maxKeys` of the retention, and a shorter memory is reported exactly: seed %d [E59]',
    async (seed) => {
      const random = seeded(seed)
      const warned: number[] = []
      const maxKeys = 5
      const clock = openInbox({ maxKeys, onWarning: noteSeconds(warned) })
      const applied: { readonly key: string; readonly at: number }[] = []
      const forgotten = new Set<string>()
      for (let at = 0, arrivals = 0; arrivals < 40; arrivals += 1) {
        at += 60 + random.below(random.pick([HOUR, DAY_2]))
        clock.at(at)
        const key = String(arrivals)
        await apply(clock.inbox, key)
        applied.push({ key, at })
        const lost: number[] = []
        for (const [position, each] of applied.entries()) {
          const isYoung = at - each.at < DAY_2 && !forgotten.has(each.key)
          if (!isYoung || (await isRemembered(clock.inbox, each.key))) continue
          expect(position).toBeLessThan(applied.length - maxKeys)
          forgotten.add(each.key)
          lost.push(at - each.at)
        }
        // Every key that was applied after the newest lost one is remembered.
        expect(warned.splice(0)).toEqual(lost.slice(-1))
      }
    },
  )

  it('causes a warning if keys are forgotten early, at most once a minute', async () => {
    const warned: number[] = []
    const clock = openInbox({ maxKeys: 5, onWarning: noteSeconds(warned) })
    const fill = async (name: string): Promise<void> => {
      for (let key = 0; key < 5; key += 1) await apply(clock.inbox, `${name} ${key}`)
    }
    await fill('first')
    clock.at(60)
    await fill('second')
    expect(warned).toEqual([])
    clock.at(90)
    await fill('third')
    expect(warned).toEqual([90])
    clock.at(149)
    await fill('fourth')
    expect(warned).toEqual([90])
    clock.at(150)
    await fill('fifth')
    expect(warned).toEqual([90, 60])
  })

  it('causes no warning if the forgotten keys are past the retention [E59]', async () => {
    const warned: number[] = []
    const clock = openInbox({ maxKeys: 5, onWarning: noteSeconds(warned) })
    await apply(clock.inbox, 'old')
    clock.at(1.5 * DAY_2)
    for (let key = 0; key < 6; key += 1) await apply(clock.inbox, String(key))
    expect(warned).toEqual([])
  })

  it('causes no warning if keys are forgotten in time', async () => {
    const warned: number[] = []
    const clock = openInbox({ maxKeys: 5, onWarning: noteSeconds(warned) })
    for (let generation = 0; generation < 5; generation += 1) {
      clock.at(generation * DAY_2)
      for (let key = 0; key < 5; key += 1) await apply(clock.inbox, `${generation} ${key}`)
    }
    expect(warned).toEqual([])
  })

  it('is reported on the console by default', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const clock = openInbox({ maxKeys: 2, onWarning: undefined })
    clock.at(600)
    for (const key of ['a', 'b', 'c', 'd', 'e']) await apply(clock.inbox, key)
    expect(warn.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^\[hongbao] memory-full: The memory inbox is full .* last 0 seconds.*`maxKeys`[^\n]*$/,
        ),
      ],
    ])
    warn.mockRestore()
  })

  it.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('metrics are down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('metrics are down'))],
    ['hangs', () => new Promise(() => {})],
  ])('is unchanged if the hook %s [F15]', async (_, onWarning) => {
    const { inbox } = openInbox({ maxKeys: 2, onWarning })
    for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await apply(inbox, key)).toBe('applied')
    expect(await apply(inbox, 'e')).toBe('duplicate')
  })
})

describe('an option of the memory inbox', () => {
  it.each<[string, MemoryInboxOptions]>([
    ['retentionSeconds', { retentionSeconds: 97_199 }],
    ['retentionSeconds', { retentionSeconds: 3600 }],
    ['retentionSeconds', { retentionSeconds: 0 }],
    ['retentionSeconds', { retentionSeconds: -1 }],
    ['retentionSeconds', { retentionSeconds: Number.NaN }],
    ['retentionSeconds', { retentionSeconds: Infinity }],
    ['retentionSeconds', { retentionSeconds: '172800' as unknown as number }],
    ['maxKeys', { maxKeys: 1 }],
    ['maxKeys', { maxKeys: 0 }],
    ['maxKeys', { maxKeys: 2.5 }],
    ['maxKeys', { maxKeys: Infinity }],
    ['maxKeys', { maxKeys: Number.NaN }],
  ])('is refused when it is wrong: %s in %j [E26]', (option, options) => {
    expect(() => memoryInbox(options)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'option-invalid',
        message: expect.stringContaining(`\`${option}\` must be `) as string,
      }),
    )
  })
})

interface Clock {
  readonly inbox: Inbox
  /** Sets the clock to so many seconds after the inbox was made. */
  at(seconds: number): void
}

function openInbox(options: MemoryInboxOptions = {}): Clock {
  const start = Date.UTC(2024, 1, 10)
  let now = start
  const inbox = memoryInbox({ onWarning: () => {}, ...options, now: () => now })
  return {
    inbox,
    at(seconds) {
      now = start + seconds * 1000
    },
  }
}

/** Collects for how many seconds keys are remembered, according to each warning. */
function noteSeconds(warned: number[]): OnWarning {
  return ({ message }) => void warned.push(Number(/last (\d+) seconds/.exec(message)?.[1]))
}

function apply(inbox: Inbox, key: string): Promise<Admission> {
  return inbox.admit(key, () => Promise.resolve())
}

/** Whether the key is remembered; to ask does not make it so. */
async function isRemembered(inbox: Inbox, key: string): Promise<boolean> {
  try {
    return (await inbox.admit(key, () => Promise.reject(new Error('asked only')))) === 'duplicate'
  } catch {
    return false
  }
}

describe('a bound that a Set cannot keep', () => {
  it.each([2 ** 24 + 1, 40_000_000])('is refused: %d keys', (maxKeys) => {
    expect(() => memoryInbox({ maxKeys })).toThrow(/a whole number from 2 to 16,777,216/)
  })

  it('is the size of a Set', () => {
    expect(memoryInbox({ maxKeys: 2 ** 24 }).retentionSeconds).toBe(172_800)
  })
})

describe('the default clock of the memory inbox', () => {
  it('is that of the process, which can only move forward', async () => {
    vi.useFakeTimers()
    try {
      const inbox = memoryInbox()
      expect(await inbox.admit('key', async () => {})).toBe('applied')
      vi.advanceTimersByTime(47 * 60 * 60 * 1000)
      expect(await inbox.admit('key', async () => {})).toBe('duplicate')
      vi.advanceTimersByTime(48 * 60 * 60 * 1000)
      expect(await inbox.admit('key', async () => {})).toBe('duplicate')
      vi.advanceTimersByTime(96 * 60 * 60 * 1000)
      expect(await inbox.admit('key', async () => {})).toBe('applied')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the default warning of the memory inbox', () => {
  it('states for how many seconds keys are still remembered', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    try {
      let now = 0
      const inbox = memoryInbox({ maxKeys: 2, now: () => now })
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        await inbox.admit(key, async () => {})
        now += 90 * 60 * 1000
      }
      expect(warn).toHaveBeenCalledOnce()
      expect(warn.mock.calls[0]?.[0]).toContain('remembers the last 16200 seconds only')
    } finally {
      warn.mockRestore()
    }
  })
})

describe('a worker of a Node cluster', () => {
  // Its primary has a memory inbox as well, and does not warn.
  it('warns that its memory inbox does not know the events of other workers [E33]', () => {
    const { stderr, status } = runCluster()
    expect(status).toBe(0)
    expect(stderr.match(/HONGBAO_MEMORY_INBOX_IN_CLUSTER/g)).toHaveLength(1)
    expect(stderr).toContain('Use a shared inbox.')
  })

  it('is silent with `--disable-warning`', () => {
    const { stderr, status } = runCluster('--disable-warning=HONGBAO_MEMORY_INBOX_IN_CLUSTER')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  })

  function runCluster(...options: readonly string[]) {
    const program = fileURLToPath(new URL('./cluster-program.ts', import.meta.url))
    return spawnSync(process.execPath, [...options, program], { encoding: 'utf8', timeout: 20_000 })
  }
})
