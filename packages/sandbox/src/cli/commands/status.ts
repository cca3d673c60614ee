import type { StateView } from '../../http/control/types.ts'
import { EVENT_STATUSES } from '../../events/sandbox-event.ts'
import { describeTerms } from '../columns.ts'
import { command, type Command } from '../command.ts'
import { fingerprintOf } from '../place.ts'
import { localTime, writeSpeed } from '../record-lines.ts'

export const status: Command = command({
  async run({ control, output, texts, directory }) {
    const state = await control.get<StateView>('/state')
    const { url, target, clock, events, envelopes, faults, keyFingerprint, version } = state
    const shortKey = keyFingerprint.slice(0, 16)
    const isOwn = (await fingerprintOf(directory)) === keyFingerprint
    const counts = EVENT_STATUSES.filter((name) => events[name] > 0).map(
      (name) => `${events[name]} ${texts(`status.${name}`)}`,
    )
    const lines = describeTerms(
      [
        [texts('heading.url'), `${url}/v1`],
        [texts('heading.target'), target ?? texts('noTarget')],
        [
          texts('heading.clock'),
          `${localTime(clock.now, true)}, ${writeSpeed(clock.speed, texts)}`,
        ],
        [texts('heading.events'), counts.length === 0 ? '0' : counts.join(', ')],
        [texts('heading.envelopes'), String(envelopes)],
        [texts('heading.faults'), String(faults)],
        [texts('heading.key'), isOwn ? `${shortKey}  ${directory}` : shortKey],
        [texts('heading.version'), version],
      ],
      output.columns,
    )
    output.result(state, lines.join('\n'))
  },
})
