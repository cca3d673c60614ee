import type { StateView } from '../../http/control/types.ts'
import { describeTerms } from '../columns.ts'
import { command, type Command } from '../command.ts'
import { fingerprintOf } from '../place.ts'
import { localTime } from '../record-lines.ts'

export const status: Command = command({
  async run({ control, output, texts, directory }) {
    const state = await control.get<StateView>('/state')
    const { headings, eventStatus } = texts
    const { url, target, clock, events, envelopes, faults, keyFingerprint, version } = state
    const shortKey = keyFingerprint.slice(0, 16)
    const isOwn = (await fingerprintOf(directory)) === keyFingerprint
    const statuses = ['pending', 'delivered', 'exhausted', 'undelivered'] as const
    const counts = statuses
      .filter((name) => events[name] > 0)
      .map((name) => `${events[name]} ${eventStatus[name]}`)
    const lines = describeTerms(
      [
        [headings.url, `${url}/v1`],
        [headings.target, target ?? texts.noTarget],
        [headings.clock, `${localTime(clock.now, true)}, ${texts.speed(clock.speed)}`],
        [headings.events, counts.length === 0 ? '0' : counts.join(', ')],
        [headings.envelopes, String(envelopes)],
        [headings.faults, String(faults)],
        [headings.key, isOwn ? `${shortKey}  ${directory}` : shortKey],
        [headings.version, version],
      ],
      output.columns,
    )
    output.result(state, lines.join('\n'))
  },
})
