import { join } from 'node:path'
import type { DefaultTheme, LocaleSpecificConfig, UserConfig } from 'vitepress'
import { slugOf } from '../../test/docs/markdown.ts'
import type { Language } from './home.ts'
import { PAGES, REPOSITORY, ROOT, writePages } from './pages.ts'
import { createSidebar } from './sidebar.ts'

writePages()

const english: LocaleSpecificConfig<DefaultTheme.Config> = {
  lang: 'en',
  description:
    'Ping++ webhooks for the Node.js app you already have: WeChat red envelopes, payments, refunds.',
  themeConfig: {
    nav: [
      { text: 'Guide', link: firstPage('en') },
      { text: 'Errors', link: '/errors' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: createSidebar('en'),
    outline: { level: [2, 3] },
  },
}

const chinese: LocaleSpecificConfig<DefaultTheme.Config> = {
  lang: 'zh-CN',
  description: '在现有 Node.js 应用中接收 Ping++ Webhooks：微信红包、支付、退款。',
  themeConfig: {
    nav: [
      { text: '指南', link: firstPage('zh') },
      { text: '错误码', link: '/zh/errors' },
      { text: 'API', link: '/zh/api/' },
    ],
    sidebar: createSidebar('zh'),
    outline: { level: [2, 3], label: '本页目录' },
    docFooter: { prev: '上一页', next: '下一页' },
    darkModeSwitchLabel: '外观',
    lightModeSwitchTitle: '切换到浅色模式',
    darkModeSwitchTitle: '切换到深色模式',
    sidebarMenuLabel: '目录',
    returnToTopLabel: '返回顶部',
    langMenuLabel: '切换语言',
    skipToContentLabel: '跳到正文',
    notFound: {
      title: '页面不存在',
      quote: '请检查地址，或搜索要找的内容。',
      linkLabel: '返回首页',
      linkText: '返回首页',
    },
  },
}

const chineseSearch: DefaultTheme.LocalSearchOptions = {
  translations: {
    button: { buttonText: '搜索', buttonAriaLabel: '搜索' },
    modal: {
      displayDetails: '显示详情',
      resetButtonTitle: '清空',
      backButtonTitle: '关闭',
      noResultsText: '没有找到',
      footer: {
        selectText: '打开',
        selectKeyAriaLabel: '回车',
        navigateText: '选择',
        navigateUpKeyAriaLabel: '上',
        navigateDownKeyAriaLabel: '下',
        closeText: '关闭',
        closeKeyAriaLabel: 'Esc',
      },
    },
  },
}

/** The first page of the guide. */
function firstPage(language: Language): string {
  return createSidebar(language)[0]?.items?.[0]?.link ?? '/'
}

/** Words, and of Chinese, which has no spaces, each two neighbours. Stands by itself: pages get its source. */
const tokenize = (text: string): string[] =>
  text
    .split(/[\n\r\p{Z}\p{P}]+|(\p{Script=Han}+)/u)
    .filter((word) => word)
    .flatMap((word) =>
      /^\p{Script=Han}{2}/u.test(word)
        ? Array.from(word.slice(1), (next, at) => word[at] + next)
        : [word],
    )

/** Guides before the API, which has the same words in many headings. Pages get the source of this, too. */
const boostDocument = (id: string): number => (id.includes('/api/') ? 0.3 : 1)

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="2" width="12" height="16" rx="2" fill="#c8372d"/><circle cx="8" cy="6" r="2.5" fill="#ffd54f"/></svg>'

const config: UserConfig<DefaultTheme.Config> = {
  title: 'hongbao',
  base: '/hongbao/',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  srcDir: PAGES,
  locales: { root: { label: 'English', ...english }, zh: { label: '简体中文', ...chinese } },
  markdown: { anchor: { slugify: slugOf } },
  themeConfig: {
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    search: {
      provider: 'local',
      options: {
        miniSearch: { options: { tokenize }, searchOptions: { boostDocument } },
        locales: { zh: chineseSearch },
      },
    },
  },
  vite: {
    // The API of core is one page.
    build: { chunkSizeWarningLimit: 2000 },
    plugins: [
      {
        name: 'documents',
        configureServer({ watcher }) {
          watcher.add([
            join(ROOT, 'docs'),
            join(ROOT, 'packages/*/README.md'),
            join(ROOT, 'README*.md'),
          ])
          watcher.on('change', (path) => writePages(path))
        },
      },
    ],
  },
}

export default config
