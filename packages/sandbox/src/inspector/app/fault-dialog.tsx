import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { addFault, removeFault } from './actions.ts'
import { Bolt } from './icons.tsx'
import { texts } from './language.ts'
import { catalogue, faults } from './store.ts'

/** "Fail the next one", and the faults in force. */
export function FaultDialog(): JSX.Element {
  const { faults: text, event } = texts.value
  const [kind, setKind] = useState('answer-lost')

  function submit(submitted: Event): void {
    submitted.preventDefault()
    void addFault({ kind })
  }

  return (
    <>
      <form class="inline" onSubmit={submit}>
        <select
          aria-label={text.kind}
          value={kind}
          onChange={({ currentTarget }) => setKind(currentTarget.value)}
        >
          {catalogue.value?.faultKinds.map((each) => (
            <option>{each.kind}</option>
          ))}
        </select>
        <button type="submit" class="primary" autofocus>
          {event.failNext}
        </button>
      </form>
      {faults.value.length === 0 && <p class="hint">{text.none}</p>}
      <ul class="faults">
        {faults.value.map(({ id, kind: active, times, match }) => (
          <li key={id}>
            <Bolt />
            <code>{active}</code>
            {times !== undefined && `${times === 'always' ? '∞' : times}×`}
            <code class="push">{match !== undefined && JSON.stringify(match)}</code>
            <button type="button" onClick={() => void removeFault(id)}>
              {text.remove}
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}
