import type { EnvelopeView, ListAnswer } from '../../http/control/types.ts'
import { command, text, type Group } from '../command.ts'
import { writeRows } from '../output.ts'
import { localTime } from '../record-lines.ts'

const STATUSES = ['sent', 'received', 'failed', 'refunding', 'refund']

export const envelopes: Group = {
  commands: {
    ls: command({
      options: { limit: text('<count>') },
      async run({ control, output, texts }, { limit }) {
        const query = limit === undefined ? '' : `?${new URLSearchParams({ limit }).toString()}`
        const { data } = await control.get<ListAnswer<EnvelopeView>>(`/envelopes${query}`)
        if (data.length === 0) output.note(texts('noEnvelopes'))
        writeRows(output, data, ({ id, orderNo, status, amount, next }) => {
          const step = next === null ? '' : `${next.status} ${localTime(next.at, true)}`
          return [id, orderNo, status, `¥${(amount / 100).toFixed(2)}`, step]
        })
      },
    }),
    show: command({
      args: ['<envelope>'],
      async run({ control, output }, _options, envelope = '') {
        const found = await control.get<object>(`/envelopes/${encodeURIComponent(envelope)}`)
        output.result(found, JSON.stringify(found, null, 2))
      },
    }),
    move: command({
      args: ['<envelope>', { name: '<status>', choices: STATUSES }],
      async run({ control, output }, _options, envelope = '', status = '') {
        const path = `/envelopes/${encodeURIComponent(envelope)}/move`
        const moved = await control.post<{ id: string; status: string }>(path, { status })
        output.result(moved, `${moved.id}  ${moved.status}`)
      },
    }),
  },
}
