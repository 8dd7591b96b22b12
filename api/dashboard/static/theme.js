// Runs before the page is drawn: the theme that a person chose, if any.
const theme = localStorage.getItem("darkroom-theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
