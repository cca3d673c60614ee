import type { JSX } from 'preact'
import type { EventDetail } from '../../http/control/types.ts'
import { moveEnvelope } from './actions.ts'
import { formatWait } from './duration.ts'
import { dateTime, formatYuan } from './format.ts'
import { texts } from './language.ts'
import { Foreign, nameOfStatus, StatusPill } from './parts.tsx'
import { envelopes, now } from './store.ts'

/** The envelope of an event: its states, and buttons to move it. */
export function EnvelopeTab({ event }: { readonly event: EventDetail }): JSX.Element {
  const { envelope: text } = texts.value
  const envelope = envelopes.value.find(({ id }) => id === event.envelope)
  if (envelope === undefined) return <p class="hint">{text.none}</p>
  const { id, orderNo, amount, history, next, moves } = envelope
  return (
    <>
      <p class="about">
        <code>{id}</code>
        <Foreign text={orderNo} />
        <b>{formatYuan(amount)}</b>
      </p>
      <ol class="history">
        {history.map(({ status, at }) => (
          <li>
            <StatusPill status={status} />
            <time class="muted">{dateTime(at)}</time>
          </li>
        ))}
        {next !== null && (
          <li class="muted">
            {text.next(nameOfStatus(next.status), formatWait(Date.parse(next.at) - now.value))}
          </li>
        )}
      </ol>
      <div class="forms">
        {moves.length === 0 ? text.noMoves : text.move}
        {moves.map((status) => (
          <button type="button" onClick={() => void moveEnvelope(id, status)}>
            {nameOfStatus(status)}
          </button>
        ))}
      </div>
    </>
  )
}
