/** Of the site. */
export type Language = 'en' | 'zh'

/** What the home page shows above the README. https://vitepress.dev/reference/default-theme-home-page */
export const HOME: Readonly<Record<Language, object>> = {
  en: {
    layout: 'home',
    title: 'Ping++ webhooks for Node.js',
    hero: {
      name: 'hongbao 红包',
      text: 'Ping++ webhooks for Node.js',
      tagline: 'In the app you already have: verified, deduplicated, typed.',
      actions: [
        { theme: 'brand', text: 'Getting started', link: '/start' },
        { theme: 'alt', text: 'Is it for you?', link: '/why' },
        { theme: 'alt', text: 'Mounting', link: '/mounting' },
        { theme: 'alt', text: 'Error codes', link: '/errors' },
      ],
    },
    features: [
      {
        title: 'Signatures over the raw body',
        details: 'RSA-SHA256 with the Ping++ public key, before any byte is parsed.',
        link: '/signature',
      },
      {
        title: 'Redeliveries deduplicated',
        details:
          'Inboxes in memory, Redis, Postgres and MySQL. In a database, your writes commit with the record: once.',
        link: '/inboxes',
      },
      {
        title: 'A sandbox on your machine',
        details: 'Events, retries, faults and a clock that you move, without an account.',
        link: '/sandbox',
      },
    ],
  },
  zh: {
    layout: 'home',
    title: 'Node.js 的 Ping++ Webhooks 接收库',
    hero: {
      name: 'hongbao 红包',
      text: 'Node.js 的 Ping++ Webhooks 接收库',
      tagline: '接入现有应用：验签、去重、类型完整。',
      actions: [
        { theme: 'brand', text: '快速开始', link: '/zh/start' },
        { theme: 'alt', text: '适合你吗', link: '/zh/why' },
        { theme: 'alt', text: '挂载到应用', link: '/zh/mounting' },
        { theme: 'alt', text: '错误码', link: '/zh/errors' },
      ],
    },
    features: [
      {
        title: '对原始请求体验签',
        details: '用 Ping++ 公钥做 RSA-SHA256 验签，通过之前不解析任何内容。',
        link: '/zh/signature',
      },
      {
        title: '对重发去重',
        details:
          'inbox 可以在内存、Redis、Postgres、MySQL；在数据库里，业务写入与去重记录同一事务提交，只提交一次。',
        link: '/zh/inboxes',
      },
      {
        title: '本机沙箱',
        details: '事件、重发、故障和可拨动的时钟，无需账号。',
        link: '/zh/sandbox',
      },
    ],
  },
}
