import type { ComponentChildren, JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { probe, probed, trigger } from './actions.ts'
import { ToneIcon } from './icons.tsx'
import { texts } from './language.ts'
import { Code, CopyButton } from './parts.tsx'
import { state } from './store.ts'
import { ProbeLine, TargetForm } from './target-form.tsx'

/** What to do first: each step is ticked by what the sandbox sees. */
export function FirstSteps(): JSX.Element {
  return (
    <div class="steps">
      <h2 id="detail-title">{texts.value.steps.title}</h2>
      <TargetStep />
      <EnvStep />
      <SendStep />
    </div>
  )
}

function Step(props: {
  readonly isDone: boolean
  readonly title: string
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <section class={props.isDone ? 'step done' : 'step'}>
      <h3>
        <ToneIcon tone={props.isDone ? 'ok' : 'waiting'} />
        {props.title}
      </h3>
      {props.children}
    </section>
  )
}

const PROBE_MS = 3000

/** Tries the target again until an app answers there. */
function TargetStep(): JSX.Element {
  const { target = null } = state.value ?? {}
  const isReached = target !== null && (target === 'in-process' || probed.value?.ok === true)
  useEffect(() => {
    if (target === null || isReached) return undefined
    void probe()
    const timer = setInterval(() => void probe(), PROBE_MS)
    return () => clearInterval(timer)
  }, [target, isReached])
  return (
    <Step isDone={isReached} title={texts.value.steps.target}>
      {target === null ? <TargetForm id="first-target" /> : <code>{target}</code>}
      {target !== null && target !== 'in-process' && <ProbeLine />}
    </Step>
  )
}

/** The address only: a command writes the keys, which the page does not have. */
function EnvStep(): JSX.Element {
  const { url = '', requests = 0 } = state.value ?? {}
  const lines = `PINGPP_BASE_URL=${url}\n# npx hongbao-sandbox env --url ${url} >> .env`
  return (
    <Step isDone={requests > 0} title={texts.value.steps.env}>
      <Code label=".env">{lines}</Code>
      <CopyButton text={lines} />
    </Step>
  )
}

function SendStep(): JSX.Element {
  const { steps, bar } = texts.value
  return (
    <Step isDone={Object.values(state.value?.events ?? {}).some(Boolean)} title={steps.send}>
      <button
        type="button"
        class="primary"
        onClick={() => void trigger({ type: 'red_envelope.sent' })}
      >
        {bar.trigger} red_envelope.sent
      </button>
    </Step>
  )
}
