// The parts of the page that move, as components: the Content-Security-Policy allows no code in attributes.
document.addEventListener("alpine:init", () => {
  Alpine.data("theme", () => theme());
  Alpine.data("searchForm", searchForm);

  // The frame: whether the sidebar is shown, remembered on wide screens.
  Alpine.data("shell", () => ({
    activeTab: "general",
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    init() {
      this.$watch("sidebarDesktopOpen", (open) => localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"));
    },
  }));

  // The page behind a dialog: the focus returns to what opened it.
  Alpine.data("behindDialog", () => ({
    opener: null,
    init() {
      this.$watch("openModal", (open) => {
        if (open) {
          this.opener = document.activeElement;
        } else {
          this.$nextTick(() => this.opener?.focus());
        }
      });
    },
  }));
});

// Back from confirming who one is: `#approve` opens the dialog of that action again.
window.addEventListener("load", () => {
  const name = location.hash.slice(1);
  if (/^[a-z_]+$/.test(name)) {
    document.querySelector(`#page-actions a[data-action="${name}"]`)?.click();
  }
});

// Unfold writes the name of a chosen file into the nearest text field, where its own widget has one. In plain
// forms that is another field, or none.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.matches('.cs-field input[type="file"]')) {
      event.stopPropagation();
    }
  },
  true,
);
