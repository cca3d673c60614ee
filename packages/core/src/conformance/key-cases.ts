import { MIN_RETENTION_SECONDS, type Admission } from '../inbox/inbox.ts'
import { expectSame, Mismatch, show } from './mismatch.ts'
import type { Settlement } from './run.ts'
import type { Case, Trial } from './trial.ts'

const REDELIVERY = 'Ping++ delivers an event up to eleven times, and a handler may move money'
const LOSS =
  'An event that was answered 200 and not applied is lost: Ping++ does not send it again.'

export const KEY_CASES: readonly Case[] = [
  {
    name: 'a key is applied once, and is a duplicate from then on',
    why: `${REDELIVERY}: a key that is not remembered pays twice.`,
    async run(trial) {
      const process = await trial.open()
      const key = trial.key('once')
      expectSame('The first answer', await process.deliver(key), 'applied')
      expectSame('The second answer', await process.deliver(key), 'duplicate')
      await trial.expectEffects(key, 1)
    },
  },
  {
    name: 'a key is busy while its work runs, and no other key is',
    why: '`duplicate` is answered 200, and if the work fails then, the event is lost; a second run pays twice. An event that waits for other events misses its deadline.',
    async run(trial) {
      const process = await trial.open()
      const key = trial.key('running')
      const run = await process.start(key)
      expectSame('The first answer', run.answer, 'started')
      expectSame('The answer while the work runs', await process.deliver(key), 'busy')
      const other = await process.deliver(trial.key('another'))
      expectSame('The answer for another key while the work runs', other, 'applied')
      await run.writeEffect()
      expectAdmission(await run.finish(), 'applied')
      expectSame('The answer after the work', await process.deliver(key), 'duplicate')
      await trial.expectEffects(key, 1)
    },
  },
  ...[
    ['an Error', new Error('declined')] as const,
    ['text', 'declined'] as const,
    ['undefined', undefined] as const,
  ].map(([kind, error]) => ({
    name: `a key is not remembered if its work rejects with ${kind}, and admit rejects with the same`,
    why: `${LOSS} The error is what the app's log shows.`,
    async run(trial: Trial) {
      const process = await trial.open()
      const key = trial.key('rejects')
      const run = await process.start(key)
      expectError(await run.fail(error), error)
      expectSame('The answer to the redelivery', await process.deliver(key), 'applied')
      await trial.expectEffects(key, 1)
    },
  })),
  {
    name: 'a key is not remembered if its work throws before it returns a promise, and admit rejects',
    why: LOSS,
    async run(trial) {
      const process = await trial.open()
      const key = trial.key('throws')
      const error = new Error('declined')
      const settlement = await process.admit(key, () => {
        throw error
      })
      expectError(settlement, error)
      expectSame('The answer to the redelivery', await process.deliver(key), 'applied')
    },
  },
  {
    name: 'a key that was busy when its first run failed is applied by the next redelivery',
    why: `${LOSS} A key that stays busy is lost as well, after ten retries.`,
    async run(trial) {
      const process = await trial.open()
      const key = trial.key('fails first')
      const run = await process.start(key)
      expectSame('The answer while the work runs', await process.deliver(key), 'busy')
      expectError(await run.fail('declined'), 'declined')
      expectSame('The answer to the redelivery', await process.deliver(key), 'applied')
      expectSame('The answer after that', await process.deliver(key), 'duplicate')
      await trial.expectEffects(key, 1)
    },
  },
  {
    name: 'keys that differ only in case, form, spaces, script, quotes or their last character are different keys',
    why: 'Ids of Ping++ differ in case alone. An event whose key a store takes for another one is a duplicate, and lost. Common causes: a collation that ignores case, accents or spaces, a column that cuts, an encoding, a key that is not quoted.',
    async run(trial) {
      const process = await trial.open()
      const keys = similarKeys(trial.key(''))
      for (const key of keys) {
        expectSame(`The first answer for ${show(key)}`, await process.deliver(key), 'applied')
      }
      for (const key of keys) {
        expectSame(`The second answer for ${show(key)}`, await process.deliver(key), 'duplicate')
        await trial.expectEffects(key, 1)
      }
    },
  },
  {
    name: 'keys may be names that every object of JavaScript has',
    why: 'An inbox that keeps keys as properties of an object finds these without having applied them. Use a Map.',
    async run(trial) {
      const process = await trial.open()
      for (const key of ['__proto__', 'constructor', 'toString']) {
        const first = await process.deliver(key)
        // A store that is kept knows them from the last run.
        const isKnown = trial.subject.shared && first === 'duplicate'
        if (!isKnown) expectSame(`The first answer for ${show(key)}`, first, 'applied')
        expectSame(`The second answer for ${show(key)}`, await process.deliver(key), 'duplicate')
      }
    },
  },
  {
    name: 'work receives a context object',
    why: 'hongbao adds its fields to the context of handlers. An inbox that lends nothing passes {}.',
    async run(trial) {
      const process = await trial.open()
      const lent: unknown[] = []
      await process.admit(trial.key('context'), async (context) => void lent.push(context))
      expectSame('The number of runs', lent.length, 1)
      const isObject = typeof lent[0] === 'object' && lent[0] !== null
      if (!isObject) throw new Mismatch('The context is an object.', `It is ${show(lent[0])}.`)
    },
  },
  {
    name: 'retentionSeconds is 97,200 (27 h) or more',
    why: 'Ping++ sends an event again for 24 h 47 min. hongbao refuses events that are older than the retention.',
    async run(trial) {
      const { retentionSeconds } = (await trial.open()).inbox
      if (retentionSeconds >= MIN_RETENTION_SECONDS) return
      const expected = `\`retentionSeconds\` is ${MIN_RETENTION_SECONDS} or more.`
      throw new Mismatch(expected, `It is ${show(retentionSeconds)}.`)
    },
  },
]

export function expectAdmission(settlement: Settlement, expected: Admission): void {
  if ('admission' in settlement && settlement.admission === expected) return
  throw new Mismatch(`\`admit\` answers ${show(expected)}.`, happenedIn(settlement))
}

export function expectError(settlement: Settlement, expected: unknown): void {
  if ('error' in settlement && Object.is(settlement.error, expected)) return
  const own = `\`admit\` rejects with what the work rejects with: ${show(expected)}.`
  throw new Mismatch(own, happenedIn(settlement))
}

function happenedIn(settlement: Settlement): string {
  if ('admission' in settlement) return `It answers ${show(settlement.admission)}.`
  return `It rejects with ${show(settlement.error)}.`
}

/** Keys that a store can confuse. None is longer than 240 characters; those of hongbao have up to 216. */
function similarKeys(unique: string): readonly string[] {
  return [
    ...['evt', 'evt ', 'evt\n', 'EVT', 'Evt', 'evt1'].map((end) => unique + end),
    ` ${unique}evt`,
    ...['red_04er10TuvT4OCyLO08aLOqbD', 'red_04ER10TUVT4OCYLO08ALOQBD'].map((id) => unique + id),
    ...['live:evt', 'test:evt', 'live:ev:t'].map((end) => unique + end),
    ...['红包', '紅包', '红包：恭喜发财，大吉大利 🧧', '\u00E9', 'e\u0301', 'e'].map(
      (end) => unique + end,
    ),
    ...[`it's; drop table inbox; --`, '"quoted" \\ back'].map((end) => unique + end),
    ...['100%s $1 {tag} {other}', '*?[a-z]', '%', '_'].map((end) => unique + end),
    ...['1', '2'].map((end) => unique.padEnd(239, 'x') + end),
  ]
}
