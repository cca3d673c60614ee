import type { JSX } from 'preact'
import type { TabProps } from './attempt.ts'
import { explain } from './causes.ts'
import { texts } from './language.ts'
import { Fact, Headers, TextBody } from './parts.tsx'
import { resultOf } from './retry-bar.tsx'

export function AnswerTab({ attempt }: TabProps): JSX.Element {
  const { causes, answer } = texts.value
  const { response, timings } = attempt
  return (
    <>
      <p class={`verdict ${attempt.ok ? 'ok' : 'failed'}`}>
        <b>{resultOf(attempt)}</b>
        {explain(attempt, causes).map((sentence) => (
          <span>{sentence}</span>
        ))}
      </p>
      <dl class="timings">
        <Timing name={answer.connect} ms={timings.connectMs} />
        <Timing name={answer.firstByte} ms={timings.firstByteMs} />
        <Timing name={answer.total} ms={timings.totalMs} />
      </dl>
      {response === null ? (
        <p class="hint">{answer.none}</p>
      ) : (
        <>
          <TextBody text={response.body} />
          {response.truncated && <p class="hint">{answer.truncated}</p>}
          <Headers headers={response.headers} />
        </>
      )}
    </>
  )
}

/** Since the beginning of the attempt. */
function Timing(props: { readonly name: string; readonly ms: number | null }): JSX.Element | null {
  return props.ms === null ? null : (
    <Fact name={props.name}>{`${props.ms} ${texts.value.units[3]}`}</Fact>
  )
}
