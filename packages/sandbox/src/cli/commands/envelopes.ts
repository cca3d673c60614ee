import type { RedEnvelopeStatus } from '@hongbao/core'
import type { EnvelopeView, ListAnswer } from '../../http/control/types.ts'
import { command, text, type Commands } from '../command.ts'
import { queryOf } from '../inputs.ts'
import { localTime } from '../record-lines.ts'

const STATUSES: readonly RedEnvelopeStatus[] = ['sent', 'received', 'failed', 'refunding', 'refund']

export const commands: Commands = {
  'envelopes ls': command({
    options: { limit: text('<count>') },
    async run({ control, output, texts }, options) {
      const { data } = await control.get<ListAnswer<EnvelopeView>>(`/envelopes${queryOf(options)}`)
      if (data.length === 0) output.note(texts('noEnvelopes'))
      output.rows(data, ({ id, orderNo, status, amount, next }) => {
        const step = next === null ? '' : `${next.status} ${localTime(next.at, true)}`
        return [id, orderNo, status, `¥${(amount / 100).toFixed(2)}`, step]
      })
    },
  }),
  'envelopes show': command({
    args: ['<envelope>'],
    async run({ control, output }, _options, envelope = '') {
      const found = await control.get<object>(`/envelopes/${encodeURIComponent(envelope)}`)
      output.result(found, JSON.stringify(found, null, 2))
    },
  }),
  'envelopes move': command({
    args: ['<envelope>', { name: '<status>', choices: STATUSES }],
    async run({ control, output }, _options, envelope = '', status = '') {
      const path = `/envelopes/${encodeURIComponent(envelope)}/move`
      const moved = await control.post<{ id: string; status: string }>(path, { status })
      output.result(moved, `${moved.id}  ${moved.status}`)
    },
  }),
}
