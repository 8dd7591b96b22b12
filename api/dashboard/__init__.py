"""The dashboard: pages for people, over the same services as the API.

It has no other way to read or change state. May import the services and what all surfaces share in ``api``,
``worker`` and ``models``; of ``api.rest`` nothing: a button sends the documented call through ``gateway``,
which hands it to the API's own route.

How a page is added (take ``pages/workers.py`` as the example):

1. *Route and data*: a module in ``pages/`` with ``PAGE = Page(path, name, title, load, live=…)``, and
   ``PAGE`` in ``pages/__init__.py``. ``load(view)`` reads by the services (``view.services``,
   ``view.caller``) and returns what the template needs. ``view.query`` has the parameters of the address,
   which hold all state of the page.
2. *Template*: ``templates/<name>.html`` extends ``layout`` and fills ``content``. It is page and fragment
   in one: a request of htmx gets ``<main>`` alone, and morphs it. What scrolls, opens or is typed into has
   a stable id. Macros (state, time, button, meter, empty page) are in ``templates/macros.html``; no
   ``style=""`` and no ``on…=""`` attribute: the content security policy refuses them.
3. *Buttons*: ``ui.action(label, method, path, body, least=…)``. It sends that call of the API, shows it
   under "API" at the foot of the page, and is left out for roles below ``least``. A new action is a route
   of the API first; if viewers or reviewers may call it, it stands in ``api/access/roles.py``; what it
   changes is described by ``describe_change`` (``api/access/audit.py``) in its transaction.
4. *Live*: ``live`` names the topics (``api.change_feed.TOPICS``) at whose change the page fetches itself
   again, once a second at most.
5. *Strings*: each text is ``_("…")`` in the template or ``msgid("…")`` in Python, and has its Chinese in
   ``locales/zh_CN/<page>.po`` (``common.po`` for what several pages say).
6. *Script and style*: classes of ``static/dashboard.css``; a module of its own in ``static/`` only for a
   page that needs one, named in ``Page.scripts``, which imports from ``./dashboard.js``; keys by
   ``registerKeys`` and ``Page.keys``.
7. *Test*: ``tests/api/dashboard/pages/``; the tests of all pages (roles, hostile text, languages, empty
   database, accessibility) find the page by ``pages.PAGES``.
"""
