import { flagOf, UnknownName, type Command, type Group, type Options } from './command.ts'
import { describeTerms } from './columns.ts'
import { COMMANDS, partsOf } from './commands.ts'
import { formatDuration } from '../clock/duration.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'
import en from './texts/help.en.json' with { type: 'json' }
import zh from './texts/help.zh.json' with { type: 'json' }
import type { Language } from './texts/texts.ts'

type HelpTexts = typeof en

type Terms = readonly (readonly [term: string, about: string])[]

/** Data, and loaded only when help is shown. */
const HELP = { en, zh } satisfies Readonly<Record<Language, HelpTexts>>

/**
 * The help of the program, of a group, or of a command.
 *
 * @throws UnknownName
 */
export async function writeHelp(
  [name, part]: readonly string[],
  language: Language,
  columns: number,
): Promise<string> {
  const texts = HELP[language]
  if (name === undefined) return writeSections(programHelp(texts), columns)
  const found = await COMMANDS.get(name)?.()
  if (found === undefined) throw new UnknownName('command', name, [...COMMANDS.keys()])
  const inner = 'commands' in found && part !== undefined ? found.commands[part] : undefined
  const sections =
    inner === undefined
      ? commandHelp(name, found, texts)
      : commandHelp(`${name} ${part}`, inner, texts)
  return writeSections(sections, columns)
}

/** A line, or a heading and what it is of. */
type Section = string | readonly [heading: string, terms: Terms]

function programHelp(texts: HelpTexts): readonly Section[] {
  const commands = [...COMMANDS.keys()].map((each) => [each, aboutOf(each, texts)] as const)
  return [
    texts.about,
    `${texts.usage}hongbao-sandbox [command] [options]`,
    [texts.commandsHeading, commands],
    [texts.allOptionsHeading, termsOf('', GLOBAL_OPTIONS, texts)],
    [texts.statusesHeading, Object.entries(texts.statuses)],
  ]
}

function commandHelp(path: string, shown: Command | Group, texts: HelpTexts): readonly Section[] {
  const usage = `${texts.usage}hongbao-sandbox ${path}`
  if ('commands' in shown) {
    const parts = partsOf(path, shown).map(([each, { args }]) => {
      const words = [each.slice(path.length + 1), ...args.map(({ name }) => name)]
      return [words.join(' '), aboutOf(each, texts)] as const
    })
    const more = texts.more.replace('{name}', path)
    return [aboutOf(path, texts), `${usage} [command]`, [texts.commandsHeading, parts], more]
  }
  const words = shown.args.map(({ name }) => `${name} `)
  const choices = shown.args.flatMap(({ name, choices: among }) =>
    among === undefined ? [] : [[name, among.join(', ')] as const],
  )
  const options = [...choices, ...termsOf(path, shown.options, texts)]
  return [
    aboutOf(path, texts),
    `${usage} ${words.join('')}[options]`,
    [texts.optionsHeading, options],
    texts.moreOptions,
  ]
}

function writeSections(sections: readonly Section[], columns: number): string {
  const written = sections.map((section) => {
    if (typeof section === 'string') return section
    const [heading, terms] = section
    const indented = terms.map(([term, about]) => [`  ${term}`, about] as const)
    return terms.length === 0 ? '' : [heading, ...describeTerms(indented, columns)].join('\n')
  })
  return written.filter((section) => section !== '').join('\n\n')
}

function aboutOf(path: string, { commands }: HelpTexts): string {
  return (commands as Readonly<Record<string, string>>)[path] ?? ''
}

function termsOf(path: string, options: Options, texts: HelpTexts): Terms {
  return Object.entries(options).map(([name, { value, choices = [], initial, expected }]) => {
    const shown = expected === 'duration' ? formatDuration(Number(initial)) : String(initial)
    const otherwise = initial === undefined ? [] : [`${texts.byDefault} ${shown}`]
    const among = choices.length === 0 ? [] : [choices.join(', ')]
    const more = [...among, ...otherwise].join('; ')
    const about = optionText(path, name, texts)
    return [[flagOf(name), value].join(' ').trimEnd(), more === '' ? about : `${about} (${more})`]
  })
}

/** What an option does; some do another thing in another command. */
function optionText(path: string, name: string, { options }: HelpTexts): string {
  const texts: Readonly<Record<string, string>> = options
  return texts[`${path}.${name}`] ?? texts[name] ?? ''
}
