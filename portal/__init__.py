"""Django project: settings for migrations now, pages and accounts later."""
