import type { StateView } from '../../http/control/types.ts'
import type { WebhookCheck } from '../../doctor/check-webhook.ts'
import { unknownType } from '../../events/event-types.ts'
import { isEventType } from '@hongbao/core'
import { alignColumns, widthOf } from '../columns.ts'
import { command, flag, initially, text, type Commands, type Session } from '../command.ts'
import { CliError, EXIT, usageError } from '../exit.ts'
import { changes, openFolder, target } from '../inputs.ts'

const DOCTOR = {
  target,
  type: initially(text('<type>'), 'red_envelope.sent'),
  set: changes,
  countUrl: text('<url>'),
  allowRemote: flag,
} as const

export const commands: Commands = {
  doctor: command(
    [],
    DOCTOR,
    async (session, { target: given, type, set = [], countUrl, allowRemote = false }) => {
      const { output, texts } = session
      if (!isEventType(type)) throw unknownType(type)
      const { webhook } = await openFolder(session)
      const { checkWebhook } = await import('../../doctor/check-webhook.ts')
      // The samples are loaded only for this.
      const { readChanges } = set.length === 0 ? {} : await import('../changes.ts')
      const checks = await checkWebhook({
        target: given ?? (await targetOfSandbox(session)),
        privateKey: { path: webhook.privatePath },
        type,
        object: readChanges?.(type, set),
        effects: countUrl === undefined ? undefined : () => readCount(countUrl),
        language: texts.language,
        allowRemote,
      })
      print(session, checks)
      const failed = checks.filter(({ verdict }) => verdict === 'fail').length
      const about = { failed, all: checks.length }
      output.note(texts(failed === 0 ? 'checksPassed' : 'checksFailed', about))
      return failed > 0 ? EXIT.checkFailed : EXIT.ok
    },
  ),
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
  throw new CliError(EXIT.usage, 'count-invalid', 'noCount', { url })
}

const SIGNS = {
  pass: ['✓', 'green'],
  fail: ['✗', 'red'],
  unknown: ['?', 'yellow'],
} as const

/** A row for each check; the sentence is wrapped under itself. */
function print({ output }: Session, checks: readonly WebhookCheck[]): void {
  const indent = Math.max(...checks.map(({ title }) => widthOf(title))) + 5
  const rows = checks.map(({ verdict, title, message }) => [SIGNS[verdict][0], title, message])
  const lines = alignColumns(rows, Math.max(output.columns, indent + 40), indent)
  for (const [at, check] of checks.entries()) {
    const [sign, style] = SIGNS[check.verdict]
    output.result(check, output.paint(style, sign) + (lines[at] ?? '').slice(1))
  }
}
