import type { StateView } from '../../http/control/types.ts'
import { command, flag, text, type Command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { writeRecord } from '../record-lines.ts'

export const tail: Command = command({
  options: { event: text('<id>'), all: flag },
  async run({ control, output, texts, host, endWith }, { event, all }) {
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
    endWith(EXIT.SIGINT)
  },
})
