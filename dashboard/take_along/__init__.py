"""What people take with them: a slide, a workbook, a page that still drags, and the scenario as a file."""
