import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'
import { copyText } from './actions.ts'
import { fromText, hexOf, unitsOf, type Unit } from './bytes.ts'
import { Bolt } from './icons.tsx'
import { indentJson } from './json-tokens.ts'
import { texts } from './language.ts'
import { setAddress } from './store.ts'
import { splitHidden } from './visible-text.ts'

/** Text that came from elsewhere: as text nodes, with hidden characters shown by their number. */
export function Foreign({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {splitHidden(text).map((part) =>
        part.isHidden ? <span class="hidden-char">{part.text}</span> : part.text,
      )}
    </>
  )
}

/** That a fault acted. @param isNamed whether its kind is shown, or only told on request */
export function ByFault(props: {
  readonly faults: readonly string[]
  readonly isNamed?: boolean
}): JSX.Element | null {
  const names = props.faults.join(', ')
  const about = texts.value.list.byFault + names
  if (names === '') return null
  return (
    <span class="by-fault" title={about}>
      <Bolt />
      <span class={props.isNamed === true ? '' : 'visually-hidden'}>
        {props.isNamed === true ? names : about}
      </span>
    </span>
  )
}

/** Status of an envelope, in the language of the page. */
export function nameOfStatus(status: string): string {
  return texts.value.envelope.statuses[status] ?? status
}

export function StatusPill({ status }: { readonly status: string }): JSX.Element {
  return (
    <span class={`pill envelope-${status}`} title={status}>
      {nameOfStatus(status)}
    </span>
  )
}

/** A block of code that scrolls, and so can be reached by keyboard. */
export function Code(props: {
  readonly label: string
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <pre class="code" tabIndex={0} role="region" aria-label={props.label}>
      {props.children}
    </pre>
  )
}

export function Headers(props: {
  readonly headers: Readonly<Record<string, string>>
}): JSX.Element {
  return (
    <>
      <h3>{texts.value.headers}</h3>
      <table class="headers">
        {Object.entries(props.headers).map(([name, value]) => (
          <tr>
            <th scope="row">{name}</th>
            <td>
              <Foreign text={value} />
            </td>
          </tr>
        ))}
      </table>
    </>
  )
}

/** A body as indented JSON, or as it is; and as bytes. */
export function Body({ bytes }: { readonly bytes: Uint8Array }): JSX.Element {
  const { body, sent, bytes: count } = texts.value
  const [isHex, setHex] = useState(false)
  const text = new TextDecoder().decode(bytes)
  const tokens = indentJson(text) ?? [{ kind: 'mark', text }]
  return (
    <>
      <h3>
        {body}
        <span class="muted">{count(bytes.length)}</span>
        <button type="button" aria-pressed={isHex} onClick={() => setHex(!isHex)}>
          {sent.hex}
        </button>
        {isHex && (
          <>
            <span class="hex-multi">{sent.multi}</span>
            <span class="hex-invalid">{sent.invalid}</span>
          </>
        )}
      </h3>
      <Code label={body}>
        {isHex ? (
          <Hex bytes={bytes} />
        ) : (
          tokens.map((token) => (
            <span class={`json-${token.kind}`}>
              <Foreign text={token.text} />
            </span>
          ))
        )}
      </Code>
    </>
  )
}

export function TextBody({ text }: { readonly text: string }): JSX.Element {
  return <Body bytes={fromText(text)} />
}

/** Only so many bytes are drawn: each is an element. */
const MAX_HEX_BYTES = 8192

/** Each character over its bytes, with multi-byte characters and invalid bytes marked. */
function Hex({ bytes }: { readonly bytes: Uint8Array }): JSX.Element {
  return (
    <>
      {unitsOf(bytes.subarray(0, MAX_HEX_BYTES)).map((unit) => (
        <ruby class={classOf(unit)}>
          {hexOf(unit.bytes)}
          <rt>
            <Foreign text={unit.text} />
          </rt>
        </ruby>
      ))}
    </>
  )
}

function classOf({ bytes, isValid }: Unit): string {
  if (!isValid) return 'hex-invalid'
  return bytes.length > 1 ? 'hex-multi' : ''
}

export function CopyButton({ text }: { readonly text: string }): JSX.Element {
  return (
    <button type="button" onClick={() => void copyText(text)}>
      {texts.value.copy}
    </button>
  )
}

/** Name and value in a line. */
export function Fact(props: {
  readonly name: string
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <div class="fact">
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  )
}

/** Opens another row. */
export function Link(props: { readonly to: string; readonly children: string }): JSX.Element {
  return (
    <button type="button" class="link" onClick={() => setAddress({ open: props.to })}>
      {props.children}
    </button>
  )
}
