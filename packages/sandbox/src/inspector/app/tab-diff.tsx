import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { EventDetail } from '../../http/control/types.ts'
import { sentBytes, type TabProps } from './attempt.ts'
import { fromText } from './bytes.ts'
import { diffBytes, type Piece } from './diff.ts'
import { texts } from './language.ts'
import { Code, Foreign } from './parts.tsx'

type Fields = Readonly<Record<string, string>>

/** Byte by byte: with what the attempt before sent, or with what would have been sent without a fault. */
export function DiffTab({ event, attempt, previous }: TabProps): JSX.Element {
  const { diff, body } = texts.value
  const [isGenuine, setGenuine] = useState(previous === undefined || attempt.faults.length > 0)
  const after = attempt.sent.headers
  const isFirst = isGenuine || previous === undefined
  const before = isFirst ? genuineHeaders(event, after) : previous.sent.headers
  const oldBody = isFirst ? fromText(event.body) : sentBytes(event, previous)
  const names = Object.keys({ ...before, ...after }).filter((name) => before[name] !== after[name])
  const pieces = diffBytes(oldBody, sentBytes(event, attempt))
  const isSame = pieces.every(({ kind }) => kind === 'same')
  return (
    <>
      <div class="forms">
        {previous !== undefined && (
          <button type="button" aria-pressed={!isGenuine} onClick={() => setGenuine(false)}>
            {diff.previous}
          </button>
        )}
        <button type="button" aria-pressed={isGenuine} onClick={() => setGenuine(true)}>
          {diff.genuine}
        </button>
      </div>
      {names.length === 0 && isSame && <p class="verdict ok">{diff.same}</p>}
      {names.map((name) => (
        <Pieces
          label={name}
          pieces={diffBytes(fromText(before[name] ?? ''), fromText(after[name] ?? ''))}
        />
      ))}
      {!isSame && <Pieces label={body} pieces={pieces} />}
    </>
  )
}

function genuineHeaders(event: EventDetail, sent: Fields): Fields {
  return {
    ...sent,
    'content-length': String(event.bytes),
    ...(event.signature === '' ? {} : { 'x-pingplusplus-signature': event.signature }),
  }
}

/** Differences are marked by the elements' meaning and by colour. */
function Pieces(props: { readonly label: string; readonly pieces: readonly Piece[] }): JSX.Element {
  return (
    <>
      <h3>{props.label}</h3>
      <Code label={props.label}>
        {props.pieces.map(({ kind, text }) => {
          const Mark = MARKS[kind]
          return (
            <Mark>
              <Foreign text={text} />
            </Mark>
          )
        })}
      </Code>
    </>
  )
}

const MARKS = { same: 'span', removed: 'del', added: 'ins' } as const
