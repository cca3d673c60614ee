import type { JSX } from 'preact'
import { sentBytes, type TabProps } from './attempt.ts'
import { texts } from './language.ts'
import { Body, Fact, Headers } from './parts.tsx'

export function SentTab({ event, attempt }: TabProps): JSX.Element {
  const { sent } = attempt
  return (
    <>
      <dl>
        <Fact name="POST">
          <code>{sent.url}</code>
        </Fact>
      </dl>
      {sent.body !== null && <p class="hint warn">{texts.value.sent.changed}</p>}
      <Body bytes={sentBytes(event, attempt)} />
      <Headers headers={sent.headers} />
    </>
  )
}
