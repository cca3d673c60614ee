import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { dialog, resend } from './actions.ts'
import { fromText, sha256 } from './bytes.ts'
import { readJsonObject, type JsonObject } from './json-object.ts'
import { indentJson } from './json-tokens.ts'
import { texts } from './language.ts'
import { Fact } from './parts.tsx'
import { detail, isEventDetail } from './store.ts'

/** An editor of the body; what is typed is what is sent, byte by byte. */
export function ResendDialog(): JSX.Element | null {
  const event = detail.value
  return isEventDetail(event) ? <Editor id={event.id} original={event.body} /> : null
}

function Editor(props: { readonly id: string; readonly original: string }): JSX.Element {
  const { id, original } = props
  const { editor, event: text, body: label } = texts.value
  const indented =
    indentJson(original)
      ?.map((token) => token.text)
      .join('') ?? original
  const [body, setBody] = useState(indented)
  const [isBroken, setBroken] = useState(false)
  const isChanged = body !== indented
  // As long as nothing was typed, the event's own bytes are sent, without the indentation.
  const sent = isChanged ? body : original

  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    const sign = isBroken ? 'keep' : 'webhook'
    if (await resend(id, { body: sent, sign })) dialog.value = undefined
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <textarea
        aria-label={label}
        autofocus
        rows={18}
        value={body}
        onInput={({ currentTarget }) => setBody(currentTarget.value)}
      />
      <JsonState json={readJsonObject(body)} />
      <SignedLive body={sent} isBroken={isBroken} isChanged={isChanged} />
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          checked={isBroken}
          onChange={({ currentTarget }) => setBroken(currentTarget.checked)}
        />
        {editor.breakIt}
      </label>
      <button type="submit" class="primary">
        {text.resend}
      </button>
    </form>
  )
}

/** Whether what was typed is a JSON object; any other text can be sent, too. */
export function JsonState({ json }: { readonly json: JsonObject }): JSX.Element {
  const { valid, invalid } = texts.value.editor
  return json.ok ? (
    <p class="ok">✓ {valid}</p>
  ) : (
    <p class="failed">
      ✗ {invalid} {json.reason}
    </p>
  )
}

/** What will be signed, as it is typed: length and digest of the bytes, and whether the signature will fit. */
function SignedLive(props: {
  readonly body: string
  readonly isBroken: boolean
  readonly isChanged: boolean
}): JSX.Element {
  const { body, isBroken, isChanged } = props
  const { editor, signature, bytes, tabs } = texts.value
  const [digest, setDigest] = useState('')
  useEffect(() => void sha256(fromText(body)).then(setDigest), [body])
  const broken = isChanged ? `✗ ${editor.broken}` : editor.stillFits
  return (
    <dl>
      <Fact name={signature.length}>{bytes(fromText(body).length)}</Fact>
      <Fact name="SHA-256">
        <code>{digest}</code>
      </Fact>
      <Fact name={tabs.signature}>
        <span class={isBroken ? 'failed' : 'ok'}>{isBroken ? broken : `✓ ${editor.signed}`}</span>
      </Fact>
    </dl>
  )
}
