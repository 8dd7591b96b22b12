// A one-time link is used by a form, so that programs that only fetch addresses do not use it up; browsers send it at once.
document.getElementById("link-form").submit();
