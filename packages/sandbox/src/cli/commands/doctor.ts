import type { StateView } from '../../http/control/types.ts'
import type { WebhookCheck } from '../../doctor/check-webhook.ts'
import { unknownType } from '../../events/event-types.ts'
import { isEventType } from '@hongbao/core'
import { pad, widthOf, wrap } from '../columns.ts'
import { command, flag, initially, text, type Option, type Command } from '../command.ts'
import { CliError, EXIT, usageError } from '../exit.ts'
import type { Change } from '../changes.ts'
import { changes, openFolder, targetUrl } from '../inputs.ts'
import type { Session } from '../session.ts'

const target: Option<string> = { value: '<url>', read: targetUrl }

export const doctor: Command = command({
  options: {
    target,
    type: initially(text('<type>'), 'red_envelope.sent'),
    set: changes,
    countUrl: text('<url>'),
    allowRemote: flag,
  },
  async run(session, { target: given, type, set = [], countUrl, allowRemote = false }) {
    const { output, texts } = session
    if (!isEventType(type)) {
      throw unknownType(type)
    }
    const { webhook } = await openFolder(session)
    const { checkWebhook } = await import('../../doctor/check-webhook.ts')
    const checks = await checkWebhook({
      target: given ?? (await targetOfSandbox(session)),
      privateKey: { path: webhook.privatePath },
      type,
      object: await objectOf(type, set),
      effects: countUrl === undefined ? undefined : () => readCount(countUrl),
      language: texts.language,
      allowRemote,
    })
    print(session, checks)
    const failed = checks.filter(({ verdict }) => verdict === 'fail').length
    output.note(
      texts(failed === 0 ? 'checksPassed' : 'checksFailed', { failed, all: checks.length }),
    )
    if (failed > 0) session.endWith(EXIT.checkFailed)
  },
})

/** The samples are loaded only for this. */
async function objectOf(type: string, set: readonly Change[]): Promise<object | undefined> {
  if (set.length === 0) return undefined
  return (await import('../changes.ts')).readChanges(type, set)
}

/** That of the sandbox that runs, if the command has none. */
async function targetOfSandbox({ control }: Session): Promise<string> {
  const { target: own } = await control.get<StateView>('/state')
  if (own !== null) return own
  throw usageError('noDoctorTarget')
}

/** The number that the app's own page says: JSON or plain text. */
async function readCount(url: string): Promise<number> {
  const answer = await fetch(url).catch(() => undefined)
  const count = Number(/-?\d+/.exec((await answer?.text()) ?? '')?.[0])
  if (answer?.ok === true && Number.isSafeInteger(count)) return count
  throw new CliError(EXIT.usage, 'count-invalid', (t) => t('noCount', { url }))
}

const SIGNS = {
  pass: ['✓', 'green'],
  fail: ['✗', 'red'],
  unknown: ['?', 'yellow'],
} as const satisfies Readonly<Record<WebhookCheck['verdict'], readonly [string, string]>>

/** A row for each check; the sentence is wrapped under itself. */
function print({ output }: Session, checks: readonly WebhookCheck[]): void {
  const widest = Math.max(...checks.map(({ title }) => widthOf(title)))
  const indent = widest + 5
  for (const check of checks) {
    const [sign, style] = SIGNS[check.verdict]
    const lines = wrap(check.message, Math.max(40, output.columns - indent))
    const sentence = lines.join(`\n${' '.repeat(indent)}`)
    output.result(check, `${output.paint(style, sign)}  ${pad(check.title, widest)}  ${sentence}`)
  }
}
