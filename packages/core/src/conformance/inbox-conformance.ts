import type { Inbox } from '../inbox/inbox.ts'
import { callback } from '../options/readers.ts'
import { CROWD_CASES } from './crowd-cases.ts'
import { KEY_CASES } from './key-cases.ts'
import { Mismatch } from './mismatch.ts'
import { readOptions, type InboxConformanceOptions, type Subject } from './options.ts'
import { STORE_CASES } from './store-cases.ts'
import { createTrial, type Case, type MakeInbox } from './trial.ts'
import { WALK_CASE } from './random-walk.ts'

const CASES: readonly Case[] = [...KEY_CASES, ...STORE_CASES, ...CROWD_CASES, WALK_CASE]

/**
 * Defines the tests that every inbox must pass, hongbao's own among them: `inboxConformance(() =>
 * myInbox(database), { describe, it })` in a test file of any runner. A failed test says what was expected, what
 * happened, and why it matters.
 *
 * `makeInbox` returns the inbox of one more process on the store that all of them share. Keys are unique to each
 * run, so the store need not be empty.
 *
 * @throws OptionError for an unknown option, or one that is wrong
 */
export function inboxConformance<Tested extends Inbox<object>>(
  makeInbox: () => Tested | Promise<Tested>,
  options: InboxConformanceOptions<Tested>,
): void {
  callback('a function that returns an inbox')(makeInbox, 'makeInbox')
  const { describe, it, ...subject } = readOptions(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- they take what `makeInbox` returns
    options as InboxConformanceOptions<Inbox<object>>,
  )
  describe('inboxConformance', () => {
    for (const each of CASES) {
      if (each.isFor?.(subject) !== false) it(each.name, () => runCase(each, makeInbox, subject))
    }
  })
}

async function runCase({ run, why }: Case, makeInbox: MakeInbox, subject: Subject): Promise<void> {
  const trial = createTrial(makeInbox, subject)
  try {
    await run(trial)
  } catch (error) {
    // What happened first says more.
    await trial.end().catch(() => {})
    throw explained(error, why)
  }
  await trial.end().catch((error: unknown) => {
    throw explained(error, why)
  })
}

function explained(error: unknown, why: string): unknown {
  if (!(error instanceof Mismatch)) return error
  const { expected, happened } = error
  const sentences = [`Expected: ${expected}`, `Happened: ${happened}`, `Why it matters: ${why}`]
  return new Error(sentences.join('\n'), { cause: error })
}
