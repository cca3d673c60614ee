import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { probe, probed, setTarget } from './actions.ts'
import { explainError } from './causes.ts'
import { texts } from './language.ts'
import { Foreign } from './parts.tsx'
import { state } from './store.ts'

/** Sets where events go, and tries whether an app is there. */
export function TargetForm({ id }: { readonly id: string }): JSX.Element {
  const { url, set } = texts.value.target
  const [value, setValue] = useState(state.value?.target ?? 'http://localhost:3000/webhooks')

  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    if (await setTarget(value)) await probe()
  }

  return (
    <form class="inline" onSubmit={(event) => void submit(event)}>
      <input
        id={id}
        aria-label={url}
        value={value}
        onInput={({ currentTarget }) => setValue(currentTarget.value)}
      />
      <button type="submit" class="primary">
        {set}
      </button>
    </form>
  )
}

/** What the last probe of the target showed. */
export function ProbeLine(): JSX.Element {
  const { target, causes } = texts.value
  const answer = probed.value
  if (answer === undefined) return <p class="muted">{target.probing}</p>
  if (answer.ok) return <p class="ok">✓ {target.reached(answer.status ?? 0, answer.ms)}</p>
  return (
    <p class="failed">
      ✗ <Foreign text={explainError(answer, causes)} />
    </p>
  )
}
