import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { dialog, trigger } from './actions.ts'
import { readJsonObject } from './json-object.ts'
import { texts } from './language.ts'
import { JsonState } from './resend-dialog.tsx'
import { catalogue } from './store.ts'

export function TriggerDialog(): JSX.Element {
  const { editor, bar } = texts.value
  const [type, setType] = useState('red_envelope.sent')
  const [changes, setChanges] = useState('{}')
  const json = readJsonObject(changes)

  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    if (json.ok && (await trigger({ type, object: json.value }))) dialog.value = undefined
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <label for="type">{editor.type}</label>
      <select
        id="type"
        autofocus
        value={type}
        onChange={({ currentTarget }) => setType(currentTarget.value)}
      >
        {catalogue.value?.eventTypes.map((each) => (
          <option>{each.type}</option>
        ))}
      </select>
      <label for="changes">{editor.changes}</label>
      <textarea
        id="changes"
        rows={4}
        value={changes}
        onInput={({ currentTarget }) => setChanges(currentTarget.value)}
      />
      <JsonState json={json} />
      <button type="submit" class="primary" disabled={!json.ok}>
        {bar.trigger}
      </button>
    </form>
  )
}
