import { choice, flag, initially, text, type Option, type Options } from './command.ts'
import { duration, sandboxUrl } from './inputs.ts'
import { LANGUAGES } from './texts/texts.ts'

const sandboxOption: Option<string> = { value: '<url>', expected: 'sandboxUrl', read: sandboxUrl }

export const GLOBAL_OPTIONS: Options = {
  url: sandboxOption,
  dir: text('<path>'),
  json: flag,
  quiet: flag,
  noColor: flag,
  timeout: initially(duration, 30_000),
  lang: choice('<language>', LANGUAGES),
  help: flag,
  version: flag,
}

export interface GlobalValues {
  readonly url?: string
  readonly dir?: string
  readonly json?: true
  readonly quiet?: true
  readonly noColor?: true
  readonly timeout: number
  readonly lang?: (typeof LANGUAGES)[number]
  readonly help?: true
  readonly version?: true
}
