import type { RedEnvelopeStatus } from '@hongbao/core'
import type { EnvelopeView, ListAnswer } from '../../http/control/types.ts'
import { command, text, type Commands } from '../command.ts'
import { queryOf } from '../inputs.ts'
import { localTime } from '../record-lines.ts'

const STATUSES: readonly RedEnvelopeStatus[] = ['sent', 'received', 'failed', 'refunding', 'refund']

export const commands: Commands = {
  'envelopes ls': command(
    [],
    { limit: text('<count>') },
    async ({ control, output, texts }, options) => {
      const { data } = await control.get<ListAnswer<EnvelopeView>>(`/envelopes${queryOf(options)}`)
      if (data.length === 0) output.note(texts('noEnvelopes'))
      output.rows(data, ({ id, orderNo, status, amount, next }) => {
        const step = next === null ? '' : `${next.status} ${localTime(next.at, true)}`
        return [id, orderNo, status, `¥${(amount / 100).toFixed(2)}`, step]
      })
    },
  ),
  'envelopes show': command(
    ['<envelope>'],
    {},
    async ({ control, output }, _options, envelope = '') => {
      const found = await control.get<object>(`/envelopes/${encodeURIComponent(envelope)}`)
      output.result(found, JSON.stringify(found, null, 2))
    },
  ),
  'envelopes move': command(
    ['<envelope>', { name: '<status>', choices: STATUSES }],
    {},
    async ({ control, output }, _options, envelope = '', status = '') => {
      const path = `/envelopes/${encodeURIComponent(envelope)}/move`
      const moved = await control.change<{ id: string; status: string }>('POST', path, { status })
      output.result(moved, `${moved.id}  ${moved.status}`)
    },
  ),
}
