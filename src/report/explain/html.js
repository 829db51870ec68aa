(function () {
  var each = function (list, f) { Array.prototype.forEach.call(list, f); };
  var says = document.querySelectorAll('.say');
  var mark = function (say, on) {
    say.classList.toggle('hi', on);
    each((say.getAttribute('data-n') || '').split(' '), function (id) {
      var g = id ? document.getElementById(id) : null;
      if (g) { g.classList.toggle('hi', on); }
    });
  };
  each(says, function (say) {
    say.addEventListener('mouseenter', function () { mark(say, true); });
    say.addEventListener('mouseleave', function () { mark(say, false); });
  });
  each(document.querySelectorAll('figure g[id]'), function (g) {
    var of = function (on) {
      each(says, function (say) {
        var own = (' ' + say.getAttribute('data-n') + ' ').indexOf(' ' + g.id + ' ') !== -1;
        if (own) { say.classList.toggle('hi', on); }
      });
      g.classList.toggle('hi', on);
    };
    g.addEventListener('mouseenter', function () { of(true); });
    g.addEventListener('mouseleave', function () { of(false); });
  });
  var open = function () {
    var at = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    for (var up = at; up; up = up.parentElement) { if (up.tagName === 'DETAILS') { up.open = true; } }
  };
  window.addEventListener('hashchange', open);
  open();
})();
