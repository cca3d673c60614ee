import { EVENT_STATUSES } from '../../events/sandbox-event.ts'
import type { StateView, TargetView } from '../../http/control/types.ts'
import { describeTerms } from '../columns.ts'
import { command, flag, text, type Commands, type Session } from '../command.ts'
import { EXIT } from '../exit.ts'
import { targetUrl } from '../inputs.ts'
import { fingerprintOf } from '../place.ts'
import { localTime, writeRecord, writeSpeed } from '../record-lines.ts'

/** What concerns the sandbox as a whole. */
export const commands: Commands = {
  'target show': command([], {}, async (session) => {
    showTarget(session, await session.control.get<TargetView>('/state'))
  }),
  'target set': command(['<url>'], {}, async (session, _options, url = '') => {
    const body = { target: targetUrl(url) }
    showTarget(session, await session.control.change<TargetView>('PUT', '/target', body))
  }),
  'target unset': command([], {}, async (session) => {
    showTarget(
      session,
      await session.control.change<TargetView>('PUT', '/target', { target: null }),
    )
  }),
  status: command([], {}, async (session) => {
    const state = await session.control.get<StateView>('/state')
    const { output } = session
    output.result(state, describeTerms(factsOf(state, session), output.columns).join('\n'))
  }),
  tail: command(
    [],
    { event: text('<id>'), all: flag },
    async ({ control, output, texts, host }, { event, all }) => {
      const { seq, boot, clock } = await control.get<StateView>('/state')
      const after = all || event !== undefined ? '0' : `${boot}.${seq}`
      const options = { tint: output.paint, withDay: clock.speed !== 1, texts }
      const query = { after, ...(event !== undefined && { event }) }
      const ended = new AbortController()
      process.once('SIGINT', () => ended.abort())
      host.stdout.once('error', () => ended.abort())
      for await (const record of control.follow(query, ended.signal)) {
        const line = output.isJson ? '' : writeRecord(record, options)
        if (line !== undefined) output.result(record, line)
      }
      return EXIT.SIGINT
    },
  ),
  reset: command([], {}, async ({ control, output, texts }) => {
    const state = await control.change<StateView>('POST', '/reset')
    output.result(state, state.clock.now)
    output.note(texts('wasReset'))
  }),
}

/** A URL as the result; that there is none is a note. */
function showTarget({ output, texts }: Session, { target }: TargetView): void {
  if (target === null && !output.isJson) output.note(texts('noTarget'))
  else output.result({ target }, String(target))
}

function factsOf(state: StateView, { texts, directory }: Session): [string, string][] {
  const { url, target, clock, events, envelopes, faults, keyFingerprint, version } = state
  const counts = EVENT_STATUSES.filter((name) => events[name] > 0).map(
    (name) => `${events[name]} ${texts(`status.${name}`)}`,
  )
  const key = keyFingerprint.slice(0, 16)
  const isOwn = fingerprintOf(directory) === keyFingerprint
  return [
    [texts('heading.url'), `${url}/v1`],
    [texts('heading.target'), target ?? texts('noTarget')],
    [texts('heading.clock'), `${localTime(clock.now, true)}  ${writeSpeed(clock.speed, texts)}`],
    [texts('heading.events'), texts.list(counts) || '0'],
    [texts('heading.envelopes'), String(envelopes)],
    [texts('heading.faults'), String(faults)],
    [texts('heading.key'), isOwn ? `${key}  ${directory}` : key],
    [texts('heading.version'), version],
  ]
}
