import type { JSX } from 'preact'
import { curlOf, type TabProps } from './attempt.ts'
import { Code, CopyButton, Foreign } from './parts.tsx'

export function CurlTab({ event, attempt }: TabProps): JSX.Element {
  const command = curlOf(event, attempt)
  return (
    <>
      <CopyButton text={command} />
      <Code label="curl">
        <Foreign text={command} />
      </Code>
    </>
  )
}
