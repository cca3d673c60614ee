import { flagOf, type Options } from './command.ts'
import { describeTerms } from './columns.ts'
import { COMMANDS, commandsOf, GLOBAL_OPTIONS } from './commands.ts'
import { formatDuration } from '../clock/duration.ts'
import en from './texts/help.en.json' with { type: 'json' }
import zh from './texts/help.zh.json' with { type: 'json' }
import type { Language } from './texts/texts.ts'

type HelpTexts = typeof en

type Terms = readonly (readonly [term: string, about: string])[]

/** A line, or a heading and what it is of. */
type Section = string | readonly [heading: string, terms: Terms]

/** Data, and loaded only when help is shown. */
const HELP = { en, zh } satisfies Readonly<Record<Language, HelpTexts>>

/**
 * The help of the program, of a group, or of a command.
 *
 * @throws CliError for an unknown command
 */
export async function writeHelp(
  [name, part]: readonly string[],
  language: Language,
  columns: number,
): Promise<string> {
  const texts = HELP[language]
  const sections =
    name === undefined ? programHelp(texts) : await commandHelp(name, `${name} ${part}`, texts)
  const written = sections.map((section) => {
    if (typeof section === 'string') return section
    const [heading, terms] = section
    const indented = terms.map(([term, about]) => [`  ${term}`, about] as const)
    return terms.length === 0 ? '' : [heading, ...describeTerms(indented, columns)].join('\n')
  })
  return written.filter((section) => section !== '').join('\n\n')
}

function programHelp(texts: HelpTexts): readonly Section[] {
  const commands = [...COMMANDS.keys()].map((each) => [each, textOf(texts.commands, each)] as const)
  return [
    texts.about,
    `${texts.usage}hongbao-sandbox [command] [options]`,
    [texts.commandsHeading, commands],
    [texts.allOptionsHeading, termsOf('', GLOBAL_OPTIONS, texts)],
    [texts.statusesHeading, Object.entries(texts.statuses)],
  ]
}

async function commandHelp(
  name: string,
  part: string,
  texts: HelpTexts,
): Promise<readonly Section[]> {
  const commands = await commandsOf(name)
  const path = commands.has(part) ? part : name
  const about = textOf(texts.commands, path)
  const usage = `${texts.usage}hongbao-sandbox ${path}`
  const shown = commands.get(path)
  if (shown === undefined) {
    const parts = Array.from(commands, ([each, { args }]) => {
      const words = [each.slice(name.length + 1), ...args.map((arg) => arg.name)]
      return [words.join(' '), textOf(texts.commands, each)] as const
    })
    const more = texts.more.replace('{name}', name)
    return [about, `${usage} [command]`, [texts.commandsHeading, parts], more]
  }
  const words = shown.args.map((arg) => `${arg.name} `).join('')
  const choices = shown.args.flatMap((arg) =>
    arg.choices === undefined ? [] : [[arg.name, arg.choices.join(', ')] as const],
  )
  const terms = [...choices, ...termsOf(path, shown.options, texts)]
  return [about, `${usage} ${words}[options]`, [texts.optionsHeading, terms], texts.moreOptions]
}

/** Some options do another thing in another command. */
function termsOf(path: string, options: Options, texts: HelpTexts): Terms {
  return Object.entries(options).map(([name, { value, choices = [], initial, expected }]) => {
    const isDuration = expected === 'expected.duration'
    const shown = isDuration ? formatDuration(Number(initial)) : String(initial)
    const otherwise = initial === undefined ? '' : `${texts.byDefault} ${shown}`
    const more = [choices.join(', '), otherwise].filter((each) => each !== '').join('; ')
    const about = textOf(texts.options, `${path}.${name}`) || textOf(texts.options, name)
    return [[flagOf(name), value].join(' ').trimEnd(), more === '' ? about : `${about} (${more})`]
  })
}

function textOf(texts: Readonly<Record<string, string>>, name: string): string {
  return texts[name] ?? ''
}
